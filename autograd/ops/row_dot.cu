#include "autograd/ops/row_dot.h"

#include "tensor/cuda/rows.h"

namespace autograd::row_dot_kernels {

using tensor::cuda::floats;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* a, const float* b, float* y) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const float sum = tensor::cuda::warp_sum_of(n, [&](int64_t j) { return a[r * n + j] * b[r * n + j]; });
  if (tensor::cuda::lane_of_warp() == 0) y[r] = sum;
}

static void forward_cuda(const Tensor& a, const Tensor& b, Tensor& y) {
  tensor::cuda::launch_rows("row_dot.forward", a.rows(), forward_kernel, a.rows(), a.columns(), floats(a), floats(b),
                            floats(y));
}

static const bool row_dot_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::row_dot_kernels
