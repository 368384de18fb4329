#include "autograd/ops/linear.h"

#include "tensor/cuda/map.h"
#include "tensor/reduce.h"

namespace autograd::linear_kernels {

static void relu_backward_cuda(const Tensor& y, const Tensor& dy, double scale, Tensor& g, Tensor& dbias) {
  const float a = static_cast<float>(scale);
  tensor::cuda::map("linear.relu_backward", g, [=] __device__(float y, float dy) { return y > 0 ? a * dy : 0.f; }, y, dy);
  if (dbias.defined()) tensor::column_sums(g, dbias);
}

static const bool linear_bound = relu_backward.bind_cuda(relu_backward_cuda);

}  // namespace autograd::linear_kernels
