#include "autograd/ops/square.h"

#include "tensor/cuda/map.h"

namespace autograd::square_kernels {

static void forward_cuda(const Tensor& x, Tensor& y) {
  tensor::cuda::map("square.forward", y, [] __device__(float x) { return x * x; }, x);
}

static void backward_cuda(const Tensor& x, const Tensor& dy, Tensor& dx) {
  tensor::cuda::map("square.backward", dx, [] __device__(float x, float dy) { return 2 * x * dy; }, x, dy);
}

static const bool square_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::square_kernels
