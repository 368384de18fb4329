// A whole training step with --precision bf16: its gradients beside those of fp32, its bits, packed weights.
#include <algorithm>
#include <cmath>

#include "autograd/ops/cross_entropy.h"
#include "nn/linear.h"
#include "nn/t5.h"
#include "tensor/parallel.h"
#include "tensor/precision.h"
#include "tensor/simd/simd.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using tensor::DType;
using tensor::Precision;
using tensor::Tensor;

namespace {

struct Step {
  double loss = 0;
  std::vector<std::pair<std::string, std::vector<double>>> gradients;
};

// `kinks`: the feed-forward blocks work. Without, their first weights are 0, so that no ReLU is near its kink.
Step t5_step(Precision precision, bool kinks = true) {
  const tensor::PrecisionScope scope(precision);
  nn::Parameters parameters(3);
  const nn::T5 t5(parameters, "t5", {.width = 32, .feed_forward = 64, .heads = 2, .head_width = 16, .encoder_layers = 2,
                                     .decoder_layers = 2, .dropout = 0.1, .vocabulary = 60});
  for (const nn::Parameter& p : parameters) {
    Tensor value = p.var.value();
    if (!kinks && p.name.ends_with("ffn.up.w")) std::ranges::fill(value.span<float>(), 0.0f);
  }
  tensor::Generator rng(5, "t5 in bf16");
  std::vector<int32_t> tokens(90), inputs(40);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng.below(60));
  for (int32_t& token : inputs) token = static_cast<int32_t>(rng.below(60));
  const Tensor offsets = tests::offsets_of({40, 1, 17, 20, 12}), outputs = tests::offsets_of({8, 8, 8, 8, 8});
  const nn::Context context{.training = true, .seed = 2, .step = 1};
  autograd::Tape tape;
  const autograd::Var memory = t5.encode(Tensor::from(tokens), offsets, context);
  const autograd::Var loss = autograd::cross_entropy(t5.decode(Tensor::from(inputs), outputs, memory, offsets, context),
                                                     Tensor::from(inputs));
  tape.backward(loss);
  Step step{loss.value().item(), {}};
  for (const nn::Parameter& p : parameters)
    step.gradients.emplace_back(p.name, p.var.grad().to(DType::f64).to_vector<double>());
  return step;
}

// |a - b| / |b| of all gradients together, and the largest of a single parameter's.
std::pair<double, double> distances(const Step& a, const Step& b) {
  double difference = 0, size = 0, worst = 0;
  for (size_t i = 0; i < b.gradients.size(); ++i) {
    double own_difference = 0, own_size = 0;
    for (size_t k = 0; k < b.gradients[i].second.size(); ++k) {
      const double x = a.gradients[i].second[k], y = b.gradients[i].second[k];
      own_difference += (x - y) * (x - y), own_size += y * y;
    }
    difference += own_difference, size += own_size;
    if (own_size > 0) worst = tests::larger(worst, std::sqrt(own_difference / own_size));
  }
  return {std::sqrt(difference / size), worst};
}

}  // namespace

TEST_CASE("the gradients of a T5 step in bf16 are near those of fp32", "[bf16][nn]") {
  for (const bool kinks : {false, true}) {
    const Step exact = t5_step(Precision::fp32, kinks);
    for (const char* set : {"auto", "tiles"}) {
      tensor::set_isa(set);
      const Step rounded = t5_step(Precision::bf16, kinks);
      tensor::set_isa("auto");
      INFO("on " << set << (kinks ? "" : ", feed-forward blocks without effect"));
      CHECK(rounded.loss == Approx(exact.loss).epsilon(2e-3));
      CHECK(rounded.loss != exact.loss);
      const auto [together, worst] = distances(rounded, exact);
      CHECK(together < (kinks ? 5e-2 : 2e-2));  // a ReLU that falls to the other side changes a gradient by all of it
      CHECK(worst < (kinks ? 1e-1 : 2e-2));
    }
  }
}

TEST_CASE("a T5 step in bf16 is the same bits for any number of threads", "[bf16][nn][threads]") {
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    tensor::set_threads(1);
    const Step one = t5_step(Precision::bf16);
    for (const int threads : {2, 7}) {
      tensor::set_threads(threads);
      const Step more = t5_step(Precision::bf16);
      CHECK(more.loss == one.loss);
      CHECK(more.gradients == one.gradients);
    }
    tensor::set_threads(0);
    tensor::set_isa("auto");
  }
}

TEST_CASE("a packed layer in bf16 gives what the layer gives", "[bf16][nn]") {
  const tensor::PrecisionScope scope(Precision::bf16);
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    nn::Parameters parameters(1);
    nn::Linear linear(parameters, "linear", 40, 70);
    tensor::Generator rng(2, "packed layer");
    Tensor x({9, 40});
    for (float& value : x.span<float>()) value = static_cast<float>(rng.normal());
    const std::vector<float> plain = linear(x).value().to_vector<float>();
    linear.pack();
    CHECK(linear(x).value().to_vector<float>() == plain);
    tensor::set_precision(Precision::fp32);
    nn::Linear exact = linear;
    exact.pack();
    CHECK(exact(x).value().to_vector<float>() != plain);
    tensor::set_precision(Precision::bf16);
    tensor::set_isa("auto");
  }
}
