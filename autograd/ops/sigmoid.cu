#include "autograd/ops/sigmoid.h"

#include "tensor/cuda/map.h"

namespace autograd::sigmoid_kernels {

static void forward_cuda(const Tensor& x, Tensor& y) {
  tensor::cuda::map("sigmoid.forward", y, [] __device__(float x) { return 1 / (1 + expf(-x)); }, x);
}

static void backward_cuda(const Tensor& y, const Tensor& dy, Tensor& dx) {
  tensor::cuda::map("sigmoid.backward", dx, [] __device__(float y, float dy) { return dy * y * (1 - y); }, y, dy);
}

static const bool sigmoid_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::sigmoid_kernels
