#include "autograd/ops/normalize_rows.h"

#include "tensor/cuda/rows.h"

namespace autograd::normalize_rows_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum_of;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* x, float floor, float* y, float* norm) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n;
  const float length = sqrtf(warp_sum_of(n, [&](int64_t j) { return x[j] * x[j]; })), inverse = 1 / fmaxf(length, floor);
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) y[r * n + j] = x[j] * inverse;
  if (lane_of_warp() == 0) norm[r] = length;
}

__global__ void backward_kernel(int64_t rows, int64_t n, const float* y, const float* norm, float floor, const float* dy,
                                float* dx) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  y += r * n, dy += r * n;
  const float inverse = 1 / fmaxf(norm[r], floor);
  const float dot = norm[r] >= floor ? warp_sum_of(n, [&](int64_t j) { return y[j] * dy[j]; }) : 0.f;  // the warp agrees
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) dx[r * n + j] = (dy[j] - y[j] * dot) * inverse;
}

static void forward_cuda(const Tensor& x, double floor, Tensor& y, Tensor& norm) {
  tensor::cuda::launch_rows("normalize_rows.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x), floor,
                            floats(y), floats(norm));
}

static void backward_cuda(const Tensor& y, const Tensor& norm, double floor, const Tensor& dy, Tensor& dx) {
  tensor::cuda::launch_rows("normalize_rows.backward", y.rows(), backward_kernel, y.rows(), y.columns(), floats(y),
                            floats(norm), floor, floats(dy), floats(dx));
}

static const bool normalize_rows_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::normalize_rows_kernels
