#include "autograd/ops/leaky_relu.h"

#include "tensor/cuda/map.h"

namespace autograd::leaky_relu_kernels {

static void forward_cuda(const Tensor& x, double slope, Tensor& y) {
  const float factor = static_cast<float>(slope);
  tensor::cuda::map("leaky_relu.forward", y, [=] __device__(float x) { return x > 0 ? x : factor * x; }, x);
}

static void backward_cuda(const Tensor& y, double slope, const Tensor& dy, Tensor& dx) {
  const float factor = static_cast<float>(slope);
  tensor::cuda::map(
      "leaky_relu.backward", dx, [=] __device__(float y, float dy) { return y > 0 ? dy : factor * dy; }, y, dy);
}

static const bool leaky_relu_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::leaky_relu_kernels
