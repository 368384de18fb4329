#include "autograd/ops/gru.h"

#include <cmath>

#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;

TEST_CASE("gru follows its formulas token by token, each sequence from 0", "[gru]") {
  const int64_t width = 3;
  const std::vector<int32_t> offsets{0, 2, 2, 6, 7};
  const Tensor x = tests::random_matrix(7, 9, 1), u = tests::random_matrix(3, 9, 2);
  const Tensor c = Tensor::from<double>({.1, -.2, .3});
  const Tensor h = gru(x, u, c, Tensor::from(offsets)).value();
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    std::vector<double> state(width, 0.0);
    for (int32_t row = offsets[s]; row < offsets[s + 1]; ++row) {
      std::vector<double> next(width);
      for (int64_t j = 0; j < width; ++j) {
        double product[3] = {0, 0, 0};
        for (int gate = 0; gate < 3; ++gate)
          for (int64_t i = 0; i < width; ++i) product[gate] += state[i] * u.data<double>()[i * 9 + gate * width + j];
        const double* in = x.data<double>() + row * 9;
        const double r = sigmoid(in[j] + product[0]), z = sigmoid(in[3 + j] + product[1]);
        const double n = std::tanh(in[6 + j] + r * (product[2] + c.data<double>()[j]));
        next[j] = (1 - z) * n + z * state[j];
      }
      state = next;
      for (int64_t j = 0; j < width; ++j) CHECK(h.data<double>()[row * width + j] == Approx(state[j]).margin(1e-12));
    }
  }
}

TEST_CASE("gru has the same bits for any number of threads", "[gru]") {
  std::vector<int32_t> offsets{0};
  for (int s = 0; s < 300; ++s) offsets.push_back(offsets.back() + (s * 7) % 11);
  const int64_t tokens = offsets.back();
  const Tensor x = tests::random_matrix(tokens, 48, 1).to(DType::f32), u = tests::random_matrix(16, 48, 2).to(DType::f32);
  const Tensor dy = tests::random_matrix(tokens, 16, 3).to(DType::f32);
  tests::check_threads({x, u, Tensor::full({16}, 0.1)}, dy, [&](const std::vector<Var>& in) {
    return gru(in[0], in[1], in[2], Tensor::from(offsets));
  });
}

TEST_CASE("gru takes no tokens, and refuses wrong shapes", "[gru]") {
  const Tensor none = Tensor::from(std::vector<int32_t>{0, 0});
  CHECK(gru(Tensor({0, 6}), Tensor::zeros({2, 6}), Tensor::zeros({2}), none).shape() == Shape{0, 2});
  CHECK(tests::error_of([&] { gru(Tensor({0, 6}), Tensor::zeros({2, 5}), Tensor::zeros({2}), none); }) ==
        "gru: u is [2,5]; it must be [width, 3*width]");
  CHECK(tests::error_of([&] { gru(Tensor({0, 5}), Tensor::zeros({2, 6}), Tensor::zeros({2}), none); }) ==
        "gru: x is [0,5], u [2,6], c [2]; x must be [tokens, 6] and c [2]");
  CHECK_THAT(tests::error_of([&] { gru(Tensor::zeros({3, 6}), Tensor::zeros({2, 6}), Tensor::zeros({2}), none); }),
             tests::Contains("gru"));
}
