#include "autograd/ops/linear.h"

#include "autograd/op.h"
#include "autograd/ops/matmul.h"
#include "tensor/reduce.h"

namespace autograd {

namespace linear_kernels {

static void relu_backward_cpu(const Tensor& y, const Tensor& dy, double scale, Tensor& g, Tensor& dbias) {
  tensor::for_real(y.dtype(), "linear", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = y.columns();
    const T *py = y.data<T>(), *pdy = dy.data<T>();
    T* pg = g.data<T>();
    const auto mask = [&](int64_t begin, int64_t end) {
      tensor::simd<T>().relu_backward(static_cast<T>(scale), py + begin, pdy + begin, pg + begin, end - begin);
    };
    if (!dbias.defined()) return tensor::parallel_for(y.size(), 1 << 15, mask);
    tensor::sum_row_pieces(y.rows(), columns, dbias.data<T>(), [&](int64_t begin, int64_t end, T* part) {
      for (int64_t i = begin * columns; i < end * columns; i += columns) {
        mask(i, i + columns);
        tensor::simd<T>().add(part, pg + i, part, columns);
      }
    });
  });
}

constinit decltype(relu_backward) relu_backward{"linear.relu_backward", relu_backward_cpu};

}  // namespace linear_kernels

static std::vector<Sample> linear_samples(tensor::Generator& rng) {
  const auto plain = [](const Inputs& in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Var()); };
  const auto relu = [](const Inputs& in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Var(), true); };
  // Away from the kink: |x w| < 4.9 and |bias| = 5 here, |x w| >= 0.01 without a bias.
  const Tensor small_x = random_away_from_zero({3, 4}, rng), small_w = random_away_from_zero({4, 3}, rng);
  return {{{random_tensor({3, 4}, rng), random_tensor({4, 2}, rng), random_tensor({2}, rng)}, plain},
          {{random_tensor({2, 3, 5}, rng), random_tensor({5, 7}, rng)}, plain},
          {{random_tensor({1, 1}, rng), random_tensor({1, 1}, rng), random_tensor({1}, rng)}, plain},
          {{random_tensor({4}, rng), random_tensor({4, 3}, rng), random_tensor({3}, rng)}, plain},
          {{small_x, small_w, Tensor::from<double>({5, -5, 5}, {3})}, relu},
          {{random_away_from_zero({5, 1}, rng), random_away_from_zero({1, 3}, rng)}, relu}};
}
static const Op linear_op("linear", linear_samples);

static std::vector<Sample> dropping_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) {
    return linear_relu_dropout(in[0], in[1], in.size() > 2 ? in[2] : Var(), 0.5, tensor::Random(5, "sample"));
  };
  return {{{random_away_from_zero({3, 4}, rng), random_away_from_zero({4, 3}, rng), Tensor::from<double>({5, -5, 5}, {3})}, run},
          {{random_away_from_zero({9, 1}, rng), random_away_from_zero({1, 5}, rng)}, run}};
}
static const Op dropping_op("linear_relu_dropout", dropping_samples);

static Var run_linear(const Op& op, const Var& x, const Var& w, const Var& bias, const matmul_kernels::Options& options) {
  tensor::require(x.shape().rank() >= 1 && w.shape().rank() == 2 && x.columns() == w.rows(),
                  op.name(), ": inner sizes differ, x is ", x.shape(), ", w is ", w.shape(), "; x must be [.., in], w [in,out]");
  tensor::require(!bias.defined() || bias.shape() == Shape{w.columns()}, op.name(), ": bias is ",
                  bias.defined() ? bias.shape() : Shape(), ", w is ", w.shape(), "; bias must be [", w.columns(), "]");
  Tensor y(x.shape().with(-1, w.columns()), x.value().dtype(), x.value().device());
  const Tensor xv = matmul_kernels::operand(x.value()), wv = matmul_kernels::operand(w.value());
  matmul_kernels::product(xv, wv, value_or_none(bias), y, options);

  std::vector<Var> inputs{x, w};
  if (bias.defined()) inputs.push_back(bias);
  const Tensor output = options.relu ? y : Tensor();  // saved for its sign only: 0 where dropped
  const double scale = 1 / (1 - options.dropout);
  const auto backward = [xv, wv, output, scale, count = inputs.size()](const Tensor& dy, Wanted wanted) -> Gradients {
    Gradients gradients(count);
    Tensor g = dy, dbias;
    if (count == 3 && wanted[2]) dbias = Tensor({wv.columns()}, dy.dtype(), dy.device());
    if (output.defined()) {
      const Tensor rounded = dbias.defined() ? Tensor() : matmul_kernels::rounded_of(dy);  // products are all that reads g
      linear_kernels::relu_backward(output, dy, scale, g = rounded.defined() ? rounded : Tensor::like(dy), dbias);
    } else if (dbias.defined()) {
      tensor::column_sums(g, dbias);
    }
    g = matmul_kernels::operand(g);
    if (wanted[0]) gradients[0] = matmul_kernels::product_into(wanted.target(0), g, wv, false, true);
    if (wanted[1]) gradients[1] = matmul_kernels::product_into(wanted.target(1), xv, g, true, false);
    if (count == 3) gradients[2] = dbias;
    return gradients;
  };
  return record(op, inputs, y, backward);
}

Var linear(const Var& x, const Var& w, const Var& bias, bool relu) { return run_linear(linear_op, x, w, bias, {.relu = relu}); }

Var linear_relu_dropout(const Var& x, const Var& w, const Var& bias, double p, const tensor::Random& stream) {
  tensor::require(p >= 0 && p < 1, "linear_relu_dropout: p is ", p, "; it must be in [0, 1)");
  return run_linear(dropping_op, x, w, bias, {.relu = true, .dropout = p, .stream = &stream});
}

}  // namespace autograd
