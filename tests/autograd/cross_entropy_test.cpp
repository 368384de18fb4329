#include "autograd/ops/cross_entropy.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using namespace autograd;

namespace {
struct Result {
  double loss;
  std::vector<double> gradient;
};
Result run(const Tensor& logits, const Tensor& targets, double label_smoothing) {
  Tape tape;
  Var x = Var::parameter(logits);
  const Var loss = cross_entropy(x, targets, label_smoothing);
  tape.backward(loss);
  return {loss.value().item(), x.grad().to(DType::f64).to_vector<double>()};
}
}  // namespace

TEST_CASE("cross_entropy gives the golden values", "[cross_entropy]") {
  const Tensor logits = Tensor::from<double>({1, 2, .5, 0, -1, 3, .2, .1, 0}, {3, 3}),
               targets = Tensor::from<int32_t>({1, 2, -100});
  const Result plain = run(logits, targets, 0), smooth = run(logits, targets, .1);
  CHECK(plain.loss == Approx(.265126).margin(1e-6));
  CHECK(smooth.loss == Approx(.423460).margin(1e-6));
  const std::vector<double> want = {.115612, -.185734, .070122, .023306, .008574, -.031880, 0, 0, 0};
  const std::vector<double> want_smooth = {.098945, -.152401, .053456, .006640, -.008093, .001453, 0, 0, 0};
  for (int i = 0; i < 9; ++i) {
    CHECK(plain.gradient[i] == Approx(want[i]).margin(1e-6));
    CHECK(smooth.gradient[i] == Approx(want_smooth[i]).margin(1e-6));
  }
  CHECK(run(logits.to(DType::f32), targets, .1).loss == Approx(.423460).margin(1e-6));
}

TEST_CASE("cross_entropy of nothing but ignored rows is 0 without gradient", "[cross_entropy]") {
  const Result result = run(tests::random_matrix(2, 3, 1), Tensor::from<int32_t>({-1, -1}), 0);
  CHECK(result.loss == 0);
  CHECK(result.gradient == std::vector<double>(6, 0.0));
  CHECK(run(Tensor({0, 3}), Tensor({0}, DType::i32), 0).loss == 0);
}

TEST_CASE("cross_entropy stands large logits", "[cross_entropy]") {
  const Result result = run(Tensor::from<float>({1000, -1000, 999, 1000}, {2, 2}), Tensor::from<int32_t>({0, 1}), 0);
  CHECK(result.loss == Approx(std::log1p(std::exp(-1.0)) / 2).margin(1e-6));
}

TEST_CASE("cross_entropy has the same bits for any number of threads", "[cross_entropy]") {
  const Tensor logits = tests::random_matrix(500, 131, 1).to(DType::f32);
  std::vector<int32_t> targets;
  for (int r = 0; r < 500; ++r) targets.push_back(r * 37 % 140 - 9);
  Result first;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    const Result result = run(logits, Tensor::from(targets), .1);
    if (threads == 1) first = result;
    CHECK(result.loss == first.loss);
    CHECK(result.gradient == first.gradient);
  }
  tensor::set_threads(0);
}

TEST_CASE("cross_entropy says what is wrong with its inputs", "[cross_entropy]") {
  const Tensor x = tests::random_matrix(2, 3, 1);
  CHECK(tests::error_of([&] {
          cross_entropy(x, Tensor::from<int32_t>({0, 3}));
        }) == "cross_entropy: target 3 of row 1 is not below the 3 classes; use a negative target to ignore a row");
  CHECK(tests::error_of([&] { cross_entropy(x, Tensor::from<int32_t>({0})); }) ==
        "cross_entropy: logits is [2,3], targets is [1]; they must be [rows, classes] and [rows]");
  CHECK(tests::error_of([&] {
          cross_entropy(x, Tensor::from<int64_t>({0, 1}));
        }) == "cross_entropy: targets must be i32, got i64");
  CHECK(tests::error_of([&] {
          cross_entropy(x, Tensor::from<int32_t>({0, 1}), 1);
        }) == "cross_entropy: label_smoothing is 1; it must be in [0, 1)");
}
