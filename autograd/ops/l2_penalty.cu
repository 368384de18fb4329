#include "autograd/ops/l2_penalty.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"

namespace autograd::l2_penalty_kernels {

using tensor::cuda::floats;

static void forward_cuda(const Tensor& x, bool accumulate, Tensor& y) {
  const float* px = floats(x);
  float* result = floats(y);
  tensor::cuda::sum(
      "l2_penalty.forward", x.size(), [=] __device__(int64_t i) -> double { return double{px[i]} * px[i]; },
      [=] __device__(double total) { *result = static_cast<float>((accumulate ? double{*result} : 0) + total / 2); });
}

static void backward_cuda(const Tensor& x, const Tensor& dy, Tensor& dx) {
  const float* g = floats(dy);
  tensor::cuda::map("l2_penalty.backward", dx, [=] __device__(float x) { return *g * x; }, x);
}

static const bool l2_penalty_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::l2_penalty_kernels
