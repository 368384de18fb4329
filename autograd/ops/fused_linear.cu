#include "autograd/ops/fused_linear.h"

#include "tensor/cuda/fused_product.h"
#include "tensor/cuda/runtime.h"

namespace autograd::fused_linear_kernels {

using tensor::cuda::floats;
using tensor::cuda::floats_or_null;

static void product_cuda(const Tensor& x, const Tensor& w, const Tensor& bias, const FusedLinear& options, bool accumulate,
                         Tensor& y) {
  if (!tensor::cuda::fused_product_pays(x.rows(), x.columns(), y.columns(), tensor::precision(), options.relu)) {
    return in_steps(x, w, bias, options, accumulate, y);
  }
  tensor::cuda::fused_product({.rows = static_cast<int>(x.rows()),
                               .inner = static_cast<int>(x.columns()),
                               .columns = static_cast<int>(y.columns()),
                               .x = floats(x),
                               .norm = floats_or_null(options.norm),
                               .epsilon = static_cast<float>(options.epsilon),
                               .factor = static_cast<float>(options.factor),
                               .w = floats(w),
                               .transposed = options.transpose_w,
                               .bias = floats_or_null(bias),
                               .accumulate = accumulate,
                               .relu = options.relu,
                               .y = floats(y)},
                              tensor::precision());
}

static const bool fused_linear_bound = product.bind_cuda(product_cuda);

}  // namespace autograd::fused_linear_kernels
