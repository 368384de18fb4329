#include "autograd/ops/linear.h"

#include "autograd/ops/matmul.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/rounding.h"
#include "tensor/reduce.h"

namespace autograd::linear_kernels {

static void relu_backward_cuda(const Tensor& y, const Tensor& dy, double scale, Tensor& g, Tensor& dbias) {
  const float factor = static_cast<float>(scale), *py = tensor::cuda::floats(y), *pdy = tensor::cuda::floats(dy);
  float* pg = tensor::cuda::floats(g);
  Tensor rounded = matmul_kernels::rounded_of(g);
  const tensor::cuda::RoundedElements copy = tensor::cuda::rounded_elements(rounded);
  tensor::cuda::for_each("linear.relu_backward", g.size(),
                         [=] __device__(int64_t i) { copy.set(i, pg[i] = py[i] > 0 ? factor * pdy[i] : 0.f); });
  g.set_rounded(rounded);
  if (dbias.defined()) tensor::column_sums(g, dbias);
}

static const bool linear_bound = relu_backward.bind_cuda(relu_backward_cuda);

}  // namespace autograd::linear_kernels
