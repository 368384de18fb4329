// A loss or gradient that is not finite is an error that names where it began.
#include "nn/finite.h"

#include <cmath>

#include "autograd/ops/mean.h"
#include "autograd/ops/multiply.h"
#include "nn/clip.h"
#include "tests/catch.h"

using autograd::Var;
using nn::Parameters;
using tensor::Tensor;

namespace {
const std::string kAdvice = "; lower the learning rate or clip the gradients, the last checkpoint is unharmed";
}

TEST_CASE("the first element that is not finite is found", "[nn]") {
  CHECK(nn::first_not_finite(Tensor::from(std::vector<float>{1, 2, INFINITY, NAN})) == 2);
  CHECK(nn::first_not_finite(Tensor::from(std::vector<double>{NAN})) == 0);
  CHECK(nn::first_not_finite(Tensor::from(std::vector<double>{1, 1e300})) == -1);
  CHECK(nn::first_not_finite(Tensor::from(std::vector<int32_t>{1})) == -1);
  CHECK(nn::first_not_finite(Tensor::zeros({0})) == -1);
}

TEST_CASE("a loss that is not finite names the operation and module it began in", "[nn]") {
  Parameters p;
  const Var w = p.add("w", {2}, nn::from(Tensor::from(std::vector<double>{1, 1e30})));
  autograd::Tape tape;
  Var loss;
  {
    const tensor::Scope scope("encoder.0");
    const Var y = autograd::multiply(w, w);
    loss = autograd::mean(autograd::multiply(y, y));
  }
  CHECK(tests::error_of([&] { nn::require_finite_loss(loss.value().item(), 7, p, tape); }) ==
        "step 7: the loss is inf; first not finite: encoder.0: multiply [2]" + kAdvice);
  CHECK(tests::error_of([&] { nn::require_finite_loss(1, 7, p, tape); }) == "");
  CHECK(tests::error_of([&] { nn::require_finite_loss(NAN, 7, p, autograd::Tape()); }) ==
        "step 7: the loss is nan; first not finite: not in what was recorded" + kAdvice);
}

TEST_CASE("a parameter that is not finite is named first", "[nn]") {
  Parameters p;
  p.add("ok", {2}, nn::ones());
  const Var w = p.add("ffn.w", {2, 2}, nn::from(Tensor::from(std::vector<double>{1, 2, 3, NAN}, {2, 2})));
  autograd::Tape tape;
  const Var loss = autograd::mean(w);
  CHECK(tests::error_of([&] { nn::require_finite_loss(loss.value().item(), 1, p, tape); }) ==
        "step 1: the loss is nan; first not finite: parameter ffn.w: element 3 of [2,2] is nan" + kAdvice);
}

TEST_CASE("a gradient that is not finite is named", "[nn]") {
  Parameters p;
  const Var a = p.add("a", {2}, nn::ones()), b = p.add("b", {2}, nn::ones());
  {
    autograd::Tape tape;
    tape.backward(autograd::multiply(a, b), Tensor::from(std::vector<float>{1, INFINITY}));
  }
  CHECK(tests::error_of([&] { nn::require_finite_gradients(nn::clip_scale(p, 1).norm.item(), 3, p); }) ==
        "step 3: the gradient norm is inf; first not finite: gradient of a: element 1 of [2] is inf" + kAdvice);
  p.clear_gradients();
  CHECK(tests::error_of([&] { nn::require_finite_gradients(nn::clip_scale(p, 1).norm.item(), 3, p); }) == "");
}
