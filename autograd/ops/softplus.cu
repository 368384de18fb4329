#include "autograd/ops/softplus.h"

#include "tensor/cuda/map.h"

namespace autograd::softplus_kernels {

static void forward_cuda(const Tensor& x, Tensor& y) {
  tensor::cuda::map("softplus.forward", y, [] __device__(float x) { return fmaxf(x, 0) + log1pf(expf(-fabsf(x))); }, x);
}

static void backward_cuda(const Tensor& x, const Tensor& dy, Tensor& dx) {
  tensor::cuda::map("softplus.backward", dx, [] __device__(float x, float dy) { return dy / (1 + expf(-x)); }, x, dy);
}

static const bool softplus_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::softplus_kernels
