// The fused ends of sub-layers give the bits of the operations that they are made of.
#include "autograd/ops/dropout_add_norm.h"

#include <cmath>
#include <limits>

#include "autograd/ops/add.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/layer_norm.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/rms_norm.h"
#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;

namespace {

const tensor::Random kStream(3, "test");

Tensor matrix(int64_t rows, int64_t columns, uint64_t seed) {
  return tests::random_matrix(rows, columns, seed).to(DType::f32);
}

// The value of f(inputs) and the gradients of the inputs, for a cotangent of random numbers.
template <class F>
std::vector<std::vector<float>> run(const std::vector<Tensor>& values, F f) {
  Tape tape;
  std::vector<Var> inputs;
  for (const Tensor& value : values) inputs.push_back(Var::parameter(value));
  const Var y = f(inputs);
  std::vector<std::vector<float>> all{y.value().to_vector<float>()};
  tape.backward(y, matrix(y.rows(), y.columns(), 9));
  for (const Var& x : inputs) all.push_back(x.grad().defined() ? x.grad().to_vector<float>() : std::vector<float>{});
  return all;
}

}  // namespace

TEST_CASE("dropout_add_rms_norm has the bits of dropout_add and rms_norm", "[dropout_add_norm]") {
  const auto [rows, columns] = GENERATE(table<int64_t, int64_t>({{1, 1}, {9, 5}, {7, 33}, {1003, 64}}));
  const double p = GENERATE(0., .3);
  CAPTURE(rows, columns, p);
  const std::vector<Tensor> in{matrix(rows, columns, 1), matrix(rows, columns, 2), matrix(1, columns, 3).reshape({columns})};
  const auto fused = [&](const std::vector<Var>& x) { return dropout_add_rms_norm(x[0], x[1], x[2], p, kStream); };
  const auto sum = [&](const std::vector<Var>& x) { return dropout_add(x[0], x[1], p, kStream); };
  CHECK(run(in, [&](const auto& x) { return fused(x).second; }) ==
        run(in, [&](const auto& x) { return rms_norm(sum(x), x[2]); }));
  CHECK(run(in, [&](const auto& x) {
          const TwoVars y = fused(x);
          return add(y.first, y.second);
        }) == run(in, [&](const auto& x) {
          const Var s = sum(x);
          return add(s, rms_norm(s, x[2]));
        }));
  auto first = run(in, [&](const auto& x) { return fused(x).first; }), plain = run(in, sum);
  plain[3].assign(columns, 0);  // the norm's scale was not used there
  CHECK(first == plain);
}

TEST_CASE("dropout_add_layer_norm has the bits of dropout_add and layer_norm", "[dropout_add_norm]") {
  const auto [rows, columns] = GENERATE(table<int64_t, int64_t>({{1, 1}, {9, 5}, {7, 33}, {1003, 64}}));
  const double p = GENERATE(0., .3);
  CAPTURE(rows, columns, p);
  const std::vector<Tensor> in{matrix(rows, columns, 1), matrix(rows, columns, 2), matrix(1, columns, 3).reshape({columns}),
                               matrix(1, columns, 4).reshape({columns})};
  const auto fused = run(in, [&](const auto& x) { return dropout_add_layer_norm(x[0], x[1], x[2], x[3], p, kStream); });
  const auto plain = run(in, [&](const auto& x) { return layer_norm(dropout_add(x[0], x[1], p, kStream), x[2], x[3]); });
  for (int i : {0, 1, 2}) CHECK(fused[i] == plain[i]);
  for (int i : {3, 4}) {  // sums over the rows, in another order
    for (int64_t j = 0; j < columns; ++j) CHECK(fused[i][j] == Approx(plain[i][j]).epsilon(1e-4).margin(1e-4));
  }
}

TEST_CASE("linear_relu_dropout has the bits of linear and dropout", "[dropout_add_norm]") {
  const auto [rows, columns] = GENERATE(table<int64_t, int64_t>({{1, 1}, {9, 5}, {1003, 64}}));
  const bool biased = GENERATE(false, true);
  const double p = GENERATE(0., .3);
  CAPTURE(rows, columns, biased, p);
  const std::vector<Tensor> in{matrix(rows, 7, 1), matrix(7, columns, 2), matrix(1, columns, 3).reshape({columns})};
  const auto bias = [&](const std::vector<Var>& x) { return biased ? x[2] : Var(); };
  CHECK(run(in, [&](const auto& x) { return linear_relu_dropout(x[0], x[1], bias(x), p, kStream); }) ==
        run(in, [&](const auto& x) { return dropout(linear(x[0], x[1], bias(x), true), p, kStream); }));
}

TEST_CASE("fused ends of sub-layers have the same bits for any number of threads", "[dropout_add_norm]") {
  const std::vector<Tensor> in{matrix(5003, 60, 1), matrix(5003, 60, 2), matrix(1, 60, 3).reshape({60})};
  tests::check_threads(in, matrix(5003, 60, 9), [](const std::vector<Var>& x) {
    const TwoVars y = dropout_add_rms_norm(x[0], x[1], x[2], .1, kStream);
    return add(y.first, y.second);
  });
}

TEST_CASE("a value that is not finite is found in both results of an operation", "[dropout_add_norm]") {
  Tape tape;
  const Var x = Var::parameter(Tensor::full({1, 2}, 1)), w = Var::parameter(Tensor::full({2}, std::numeric_limits<float>::infinity()));
  const TwoVars y = dropout_add_rms_norm(x, x, w, 0, kStream);
  const auto infinite = [](const Tensor& value) { return std::isinf(value.data<float>()[0]); };
  CHECK_FALSE(infinite(y.first.value()));
  CHECK(tape.first_where(infinite) == "dropout_add_rms_norm [1,2]");
}

TEST_CASE("fused ends of sub-layers refuse what does not fit", "[dropout_add_norm]") {
  const Tensor x = matrix(2, 3, 1), w = Tensor::full({3}, 1), narrow = Tensor::full({2}, 1);
  CHECK(tests::error_of([&] { dropout_add_rms_norm(x, x, w, 1, kStream); }) ==
        "dropout_add_rms_norm: p is 1; it must be in [0, 1)");
  CHECK(tests::error_of([&] { dropout_add_rms_norm(x, x.reshape({3, 2}), w, 0, kStream); }) ==
        "dropout_add_rms_norm: x is [2,3] f32, residual is [3,2] f32; both must have one shape and type");
  CHECK(tests::error_of([&] { dropout_add_rms_norm(x, x, narrow, 0, kStream); }) ==
        "dropout_add_rms_norm: x is [2,3] f32, w is [2] f32; w must be [3] of the same type");
  CHECK(tests::error_of([&] { dropout_add_layer_norm(x, x, w, narrow, 0, kStream); }) ==
        "dropout_add_layer_norm: x is [2,3] f32, beta is [2] f32; beta must be [3] of the same type");
  CHECK(tests::error_of([&] { linear_relu_dropout(x, matrix(3, 2, 1), {}, 1, kStream); }) ==
        "linear_relu_dropout: p is 1; it must be in [0, 1)");
}
