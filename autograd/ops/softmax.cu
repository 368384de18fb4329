#include "autograd/ops/softmax.h"

#include "tensor/cuda/rows.h"

namespace autograd::softmax_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum_of;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* x, float* y) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n;
  float largest = -INFINITY;
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) largest = fmaxf(largest, x[j]);
  largest = tensor::cuda::warp_max(largest);
  const float inverse = 1 / warp_sum_of(n, [&](int64_t j) { return expf(x[j] - largest); });
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) y[r * n + j] = expf(x[j] - largest) * inverse;
}

__global__ void backward_kernel(int64_t rows, int64_t n, const float* y, const float* dy, float* dx) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  y += r * n, dy += r * n;
  const float mean = warp_sum_of(n, [&](int64_t j) { return y[j] * dy[j]; });
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) dx[r * n + j] = y[j] * (dy[j] - mean);
}

static void forward_cuda(const Tensor& x, Tensor& y) {
  tensor::cuda::launch_rows("softmax.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x), floats(y));
}

static void backward_cuda(const Tensor& y, const Tensor& dy, Tensor& dx) {
  tensor::cuda::launch_rows("softmax.backward", y.rows(), backward_kernel, y.rows(), y.columns(), floats(y), floats(dy),
                            floats(dx));
}

static const bool softmax_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::softmax_kernels
