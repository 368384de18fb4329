#include "autograd/ops/relu.h"

#include "tensor/cuda/map.h"

namespace autograd::relu_kernels {

static void forward_cuda(const Tensor& x, Tensor& y) {
  tensor::cuda::map("relu.forward", y, [] __device__(float x) { return fmaxf(x, 0); }, x);
}

static void backward_cuda(const Tensor& y, const Tensor& dy, Tensor& dx) {
  tensor::cuda::map("relu.backward", dx, [] __device__(float y, float dy) { return y > 0 ? dy : 0.f; }, y, dy);
}

static const bool relu_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::relu_kernels
