#include "autograd/ops/layer_norm.h"

#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;

TEST_CASE("layer_norm gives the golden values", "[layer_norm]") {
  Tape tape;
  Var x = Var::parameter(Tensor::from<double>({1, -2, 3, .5}, {1, 4}));
  Var gamma = Var::parameter(Tensor::from<double>({1, .5, 2, 1})), beta = Var::parameter(Tensor::zeros({4}, DType::f64));
  const Var y = layer_norm(x, gamma, beta);
  tape.backward(y, Tensor::from<double>({1, 2, 3, 4}, {1, 4}));
  const std::vector<double> want_y = {.210558, -.736954, 2.667073, -.070186},
                            want_dx = {-1.313828, .212975, .475748, .625106};
  for (int i = 0; i < 4; ++i) {
    CHECK(y.value().data<double>()[i] == Approx(want_y[i]).margin(1e-6));
    CHECK(x.grad().data<double>()[i] == Approx(want_dx[i]).margin(1e-6));
    CHECK(beta.grad().data<double>()[i] == i + 1);
  }
}

TEST_CASE("layer_norm has the same bits for any number of threads", "[layer_norm]") {
  const Tensor x = tests::random_matrix(1003, 64, 1).to(DType::f32), dy = tests::random_matrix(1003, 64, 2).to(DType::f32);
  tests::check_threads({x, Tensor::full({64}, 1.5), Tensor::full({64}, .5)}, dy, [](const std::vector<Var>& in) {
    return layer_norm(in[0], in[1], in[2]);
  });
}

TEST_CASE("layer_norm takes no rows, and refuses wrong shapes", "[layer_norm]") {
  const Tensor one = Tensor::full({3}, 1);
  CHECK(layer_norm(Tensor({0, 3}), one, one).shape() == Shape{0, 3});
  CHECK(tests::error_of([&] {
          layer_norm(Tensor({2, 4}), one, one);
        }) == "layer_norm: x is [2,4], gamma is [3], beta is [3]; gamma and beta must be [4]");
}
