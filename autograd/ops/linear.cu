#include "autograd/ops/linear.h"

#include "autograd/ops/matmul.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/rounding.h"
#include "tensor/reduce.h"

namespace autograd::linear_kernels {

static void relu_backward_cuda(const Tensor& y, const Tensor& dy, double scale, Tensor& g, Tensor& dbias) {
  const float factor = static_cast<float>(scale), *py = tensor::cuda::floats(y), *pdy = tensor::cuda::floats(dy);
  const bool only_rounded = g.dtype() == tensor::DType::bf16;
  float* pg = only_rounded ? nullptr : tensor::cuda::floats(g);
  Tensor rounded = only_rounded ? g : matmul_kernels::rounded_of(g);
  const tensor::cuda::RoundedElements copy = tensor::cuda::rounded_elements(rounded);
  tensor::cuda::for_each("linear.relu_backward", g.size(), [=] __device__(int64_t i) {
    const float value = py[i] > 0 ? factor * pdy[i] : 0.f;
    if (pg) pg[i] = value;
    copy.set(i, value);
  });
  if (only_rounded) return;
  g.set_rounded(rounded);
  if (dbias.defined()) tensor::column_sums(g, dbias);
}

static const bool linear_bound = relu_backward.bind_cuda(relu_backward_cuda);

}  // namespace autograd::linear_kernels
