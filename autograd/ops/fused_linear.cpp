#include "autograd/ops/fused_linear.h"

#include "autograd/ops/matmul.h"
#include "autograd/ops/rms_norm.h"
#include "autograd/ops/scale.h"

namespace autograd {

namespace fused_linear_kernels {

void in_steps(const Tensor& x, const Tensor& w, const Tensor& bias, const FusedLinear& options, bool accumulate, Tensor& y) {
  Tensor left = x;
  if (options.norm.defined()) {
    Tensor inverse({x.rows()}, x.dtype(), x.device());
    rms_norm_kernels::forward(x, options.norm, options.epsilon, left = Tensor::like(x), inverse);
  }
  if (options.factor != 1) {
    const Tensor unscaled = left;
    scale_kernels::forward(unscaled, options.factor, left = Tensor::like(x));
  }
  matmul_kernels::product(left, w, bias, y,
                          {.transpose_b = options.transpose_w, .relu = options.relu, .accumulate = accumulate});
}

constinit decltype(product) product{"fused_linear", in_steps};

}  // namespace fused_linear_kernels

Tensor fused_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const FusedLinear& options) {
  const bool t = options.transpose_w;
  tensor::require(x.shape().rank() >= 1 && w.shape().rank() == 2 && x.columns() == w.shape()[t ? 1 : 0],
                  "fused_linear: inner sizes differ, x is ", x.shape(), ", w is ", w.shape(), "; x must be [.., in], w ",
                  t ? "[out,in]" : "[in,out]");
  const int64_t columns = w.shape()[t ? 0 : 1];
  tensor::require(!bias.defined() || bias.shape() == tensor::Shape{columns}, "fused_linear: bias is ",
                  bias.defined() ? bias.shape() : tensor::Shape(), ", w is ", w.shape(), "; bias must be [", columns, "]");
  tensor::require(!options.norm.defined() || options.norm.shape() == tensor::Shape{x.columns()}, "fused_linear: x is ",
                  x.shape(), ", its norm's scale ", options.norm.defined() ? options.norm.shape() : tensor::Shape(),
                  "; it must be [", x.columns(), "]");
  Tensor y(x.shape().with(-1, columns), x.dtype(), x.device());
  fused_linear_kernels::product(x, w, bias, options, false, y);
  return y;
}

void add_linear(const Tensor& x, const Tensor& w, Tensor& sum) {
  tensor::require(w.shape().rank() == 2 && x.columns() == w.rows() && sum.shape() == x.shape().with(-1, w.columns()),
                  "add_linear: x is ", x.shape(), ", w ", w.shape(), ", the sum ", sum.shape(),
                  "; they must be [.., in], [in,out] and [.., out]");
  fused_linear_kernels::product(x, w, {}, {}, true, sum);
}

}  // namespace autograd
