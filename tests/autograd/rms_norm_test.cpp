#include "autograd/ops/rms_norm.h"

#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;

TEST_CASE("rms_norm gives the golden values", "[rms_norm]") {
  Tape tape;
  Var x = Var::parameter(Tensor::from<double>({1, -2, 3, .5}, {1, 4}));
  Var w = Var::parameter(Tensor::from<double>({1, .5, 2, 1}));
  const Var y = rms_norm(x, w);
  tape.backward(y, Tensor::from<double>({1, 2, 3, 4}, {1, 4}));
  const std::vector<double> want_y = {.529813, -.529813, 3.178877, .264906},
                            want_dx = {-.176604, 1.942647, 1.059627, 1.766043},
                            want_dw = {.529813, -2.119251, 4.768316, 1.059626};
  for (int i = 0; i < 4; ++i) {
    CHECK(y.value().data<double>()[i] == Approx(want_y[i]).margin(1e-6));
    CHECK(x.grad().data<double>()[i] == Approx(want_dx[i]).margin(1e-6));
    CHECK(w.grad().data<double>()[i] == Approx(want_dw[i]).margin(1e-6));
  }
}

TEST_CASE("rms_norm has the same bits for any number of threads", "[rms_norm]") {
  const Tensor x = tests::random_matrix(5003, 64, 1).to(DType::f32), dy = tests::random_matrix(5003, 64, 2).to(DType::f32);
  tests::check_threads({x, Tensor::full({64}, 1.5)}, dy, [](const std::vector<Var>& in) { return rms_norm(in[0], in[1]); });
}

TEST_CASE("rms_norm takes no rows, and refuses wrong shapes", "[rms_norm]") {
  CHECK(rms_norm(Tensor({0, 3}), Tensor::full({3}, 1)).shape() == Shape{0, 3});
  CHECK(tests::error_of([&] { rms_norm(Tensor({2, 4}), Tensor::full({3}, 1)); }) ==
        "rms_norm: x is [2,4] f32, w is [3] f32; w must be [4] of the same type");
  CHECK(tests::error_of([&] { rms_norm(Tensor({2, 0}), Tensor({0})); }) ==
        "rms_norm: x is [2,0]; it needs at least one column");
}
