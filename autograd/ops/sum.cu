#include "autograd/ops/sum.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"

namespace autograd::sum_kernels {

using tensor::cuda::floats;

static void forward_cuda(const Tensor& x, double a, Tensor& y) {
  const float* px = floats(x);
  float* result = floats(y);
  tensor::cuda::sum(
      "sum.forward", x.size(), [=] __device__(int64_t i) -> double { return px[i]; },
      [=] __device__(double total) { *result = static_cast<float>(a * total); });
}

static void backward_cuda(const Tensor& dy, double a, Tensor& dx) {
  const float *g = floats(dy), factor = static_cast<float>(a);
  float* out = floats(dx);
  tensor::cuda::for_each("sum.backward", dx.size(), [=] __device__(int64_t i) { out[i] = factor * *g; });
}

static const bool sum_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::sum_kernels
