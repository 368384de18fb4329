// The residual quantiser: golden losses and gradients in the three gradient modes, start from k-means, encoding, threads.
#include "quant/residual_quantizer.h"

#include <cmath>

#include "autograd/ops/add.h"
#include "autograd/ops/multiply.h"
#include "autograd/ops/sum.h"
#include "quant/code_usage.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using autograd::Tape;
using quant::ResidualGrad;
using quant::ResidualQuantizer;
using quant::Var;
using tensor::DType;
using tensor::Tensor;
using Doubles = std::vector<double>;
using Integers = std::vector<int32_t>;

namespace {

struct Golden {
  nn::Parameters parameters{0, DType::f64};
  ResidualQuantizer quantizer;

  explicit Golden(ResidualGrad residual_grad, bool level_mean = true)
      : quantizer(parameters, "rq",
                  {.levels = 2, .codes = 2, .width = 2, .commitment = 0.25, .level_mean = level_mean,
                   .residual_grad = residual_grad}) {
    quantizer.codebooks()[0].mutable_value().copy_from(Tensor::from(Doubles{1, 0, 0, -1}, {2, 2}));
    quantizer.codebooks()[1].mutable_value().copy_from(Tensor::from(Doubles{0, -.5, .2, .2}, {2, 2}));
  }
};

void check_values(const Tensor& x, const Doubles& expected) {
  const Doubles values = x.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(1e-9));
}

// Rows around eight corners of a large cube, and of a small one around each of those: two levels can tell them apart.
Tensor nested(int64_t rows, int64_t width) {
  Tensor x({rows, width});
  const tensor::Random random(2, "rq-test");
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < width; ++j) {
      const double place = 10.0 * (i % 8 >> j & 1) + (i / 8 % 8 >> j & 1);
      x.data<float>()[i * width + j] = static_cast<float>(place + 0.01 * random.normal(i * width + j));
    }
  return x;
}

double error_between(const Tensor& x, const Tensor& y) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(); ++i) sum += std::pow(x.data<float>()[i] - y.data<float>()[i], 2);
  return sum / static_cast<double>(x.rows());
}

}  // namespace

TEST_CASE("residual quantiser: golden loss and gradients in the three modes", "[quant][rq]") {
  struct Case {
    ResidualGrad mode;
    Doubles dz, dfirst, dsecond;
  };
  const Case cases[] = {
      {ResidualGrad::straight_through, {.9875, -1.05}, {.05, .2, 0, 0}, {.05, -.05, 0, 0}},
      {ResidualGrad::detach, {.975, -1.0375}, {.05, .2, 0, 0}, {.05, -.05, 0, 0}},
      {ResidualGrad::full, {.975, -1.0375}, {.0625, .1875, 0, 0}, {.05, -.05, 0, 0}},
  };
  for (const Case& c : cases) {
    Golden golden(c.mode);
    const Var z = Var::parameter(Tensor::from(Doubles{.9, -.4}, {1, 2}));
    Tape tape;
    const quant::Quantized result = golden.quantizer.forward(z);
    CHECK(result.levels[0].codes.to_vector<int32_t>() == Integers{0});
    CHECK(result.levels[1].codes.to_vector<int32_t>() == Integers{0});
    check_values(result.z_hat.value(), {1, -.5});
    check_values(result.levels[1].residual.value(), {-.1, -.4});
    CHECK(result.loss.value().item() == Approx(.059375));
    CHECK(result.levels[0].codebook_loss.value().item() == Approx(.085));
    CHECK(result.levels[1].commitment_loss.value().item() == Approx(.01));
    const Var weights = Tensor::from(Doubles{1, -1}, {1, 2});
    tape.backward(autograd::add(result.loss, autograd::sum(autograd::multiply(result.z_hat, weights))));
    check_values(z.grad(), c.dz);
    check_values(golden.quantizer.codebooks()[0].grad(), c.dfirst);
    check_values(golden.quantizer.codebooks()[1].grad(), c.dsecond);
  }
}

TEST_CASE("residual quantiser: the loss is the sum over levels unless the mean is asked for", "[quant][rq]") {
  Golden golden(ResidualGrad::detach, false);
  CHECK(golden.quantizer.forward(Tensor::from(Doubles{.9, -.4}, {1, 2})).loss.value().item() == Approx(.11875));
}

TEST_CASE("residual quantiser: codeword_sum sends its gradient to the codebooks", "[quant][rq]") {
  Golden golden(ResidualGrad::detach);
  const Var z = Var::parameter(Tensor::from(Doubles{.9, -.4}, {1, 2}));
  Tape tape;
  const quant::Quantized result = golden.quantizer.forward(z);
  tape.backward(autograd::sum(autograd::multiply(result.codeword_sum, Var(Tensor::from(Doubles{1, -1}, {1, 2})))));
  CHECK_FALSE(z.grad().defined());
  check_values(golden.quantizer.codebooks()[0].grad(), {1, -1, 0, 0});
  check_values(golden.quantizer.codebooks()[1].grad(), {1, -1, 0, 0});
}

TEST_CASE("residual quantiser: encoding chooses what training chooses; decoding adds the codewords", "[quant][rq]") {
  nn::Parameters parameters(3);
  const ResidualQuantizer quantizer(parameters, "rq", {.levels = 3, .codes = 16, .width = 5});
  const Tensor z = nested(100, 5);
  const quant::Quantized result = quantizer.forward(z);
  const Tensor codes = quantizer.encode(z);
  REQUIRE(codes.shape() == tensor::Shape{100, 3});
  for (int64_t i = 0; i < 100; ++i)
    for (int64_t level = 0; level < 3; ++level)
      REQUIRE(codes.data<int32_t>()[i * 3 + level] == result.levels[level].codes.data<int32_t>()[i]);
  CHECK(quantizer.decode(codes).to_vector<float>() == result.codeword_sum.value().to_vector<float>());
  CHECK(result.z_hat.value().to_vector<float>() == result.codeword_sum.value().to_vector<float>());
}

TEST_CASE("residual quantiser: k-means start explains planted data level by level", "[quant][rq]") {
  const Tensor z = nested(640, 3);
  std::vector<std::vector<float>> codebooks;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    nn::Parameters parameters(3);
    ResidualQuantizer quantizer(parameters, "rq", {.levels = 2, .codes = 8, .width = 3});
    const double before = error_between(z, quantizer.decode(quantizer.encode(z)));
    quantizer.initialise(z, {.restarts = 5, .seed = 9});
    CHECK(before > 50);
    CHECK(error_between(z, quantizer.decode(quantizer.encode(z))) < 0.01);
    for (const quant::CodeUsage& usage : quant::code_usage(quantizer.encode(z), 8)) {
      CHECK(usage.used == 8);
      CHECK(usage.perplexity == Approx(8).epsilon(0.05));
    }
    codebooks.push_back(quantizer.codebooks()[1].value().to_vector<float>());
  }
  tensor::set_threads(0);
  CHECK(codebooks[0] == codebooks[1]);
  CHECK(codebooks[0] == codebooks[2]);
}

TEST_CASE("residual quantiser: starts within the bounds, and what it refuses", "[quant][rq]") {
  using Catch::Matchers::Contains;
  nn::Parameters parameters(3);
  const ResidualQuantizer quantizer(parameters, "rq", {.levels = 2, .codes = 4, .width = 3});
  REQUIRE(parameters.find("rq.codebooks.1") != nullptr);
  const Tensor& codebook = parameters.find("rq.codebooks.1")->var.value();
  for (const float value : codebook.to_vector<float>()) CHECK(std::fabs(value) <= 0.25f);
  CHECK_THAT(tests::error_of([&] { ResidualQuantizer(parameters, "bad", {.levels = 0}); }),
             Contains("residual quantizer: 0 levels of 128 codes of width 4; all three must be 1 or more"));
  CHECK_THAT(tests::error_of([&] { quantizer.forward(Tensor::zeros({2, 5})); }),
             Contains("rq: nearest: x is [2,5], codes are [4,3]"));
  CHECK_THAT(tests::error_of([&] { quantizer.decode(Tensor::zeros({2, 3}, DType::i32)); }),
             Contains("rq: decode: codes are [2,3]; they need 2 columns, one for each level"));
  CHECK_THAT(tests::error_of([&] { quantizer.decode(Tensor::full({2, 2}, 4, DType::i32)); }), Contains("gather_rows: id 4"));
}

TEST_CASE("residual quantiser: an assignment of one's own is followed; residuals of given codes", "[quant][rq]") {
  Golden golden(ResidualGrad::detach);
  const Tensor z = Tensor::from(Doubles{.9, -.4}, {1, 2});
  const quant::Quantized result = golden.quantizer.forward(z, [](int64_t level, const Tensor& residuals, const Tensor& codebook) {
    CHECK(residuals.shape() == tensor::Shape{1, 2});
    CHECK(codebook.rows() == 2);
    return Tensor::from(Integers{static_cast<int32_t>(1 - level)});
  });
  CHECK(result.levels[0].codes.to_vector<int32_t>() == Integers{1});
  CHECK(result.levels[1].codes.to_vector<int32_t>() == Integers{0});
  check_values(result.z_hat.value(), {0, -1.5});
  const Tensor codes = Tensor::from(Integers{1, 0}, {1, 2});
  check_values(golden.quantizer.residual(z, codes, 0), {.9, -.4});
  check_values(golden.quantizer.residual(z, codes, 1), {.9, .6});
  check_values(golden.quantizer.residual(z, codes, 2), {.9, 1.1});
}
