#include "autograd/ops/rms_norm.h"

#include "tensor/cuda/sums.h"

namespace autograd::rms_norm_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum_of;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* x, const float* w, float epsilon, float* y,
                               float* rrms) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n;
  const float s = 1 / sqrtf(warp_sum_of(n, [&](int64_t j) { return x[j] * x[j]; }) / static_cast<float>(n) + epsilon);
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) y[r * n + j] = x[j] * w[j] * s;
  if (lane_of_warp() == 0) rrms[r] = s;
}

__global__ void backward_kernel(int64_t rows, int64_t n, const float* x, const float* w, const float* rrms, const float* dy,
                                float* dx) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n, dy += r * n;
  const float s = rrms[r], mean = warp_sum_of(n, [&](int64_t j) { return w[j] * dy[j] * x[j]; }) / static_cast<float>(n);
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) dx[r * n + j] = s * (w[j] * dy[j] - x[j] * s * s * mean);
}

static void forward_cuda(const Tensor& x, const Tensor& w, double epsilon, Tensor& y, Tensor& rrms) {
  tensor::cuda::launch_rows("rms_norm.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x), floats(w),
                            epsilon, floats(y), floats(rrms));
}

static void backward_cuda(const Tensor& x, const Tensor& w, const Tensor& rrms, const Tensor& dy, Tensor& dx, Tensor& dw) {
  const int64_t rows = x.rows(), n = x.columns();
  const float *px = floats(x), *s = floats(rrms), *pdy = floats(dy);
  tensor::cuda::launch_rows("rms_norm.backward", rows, backward_kernel, rows, n, px, floats(w), s, pdy, floats(dx));
  tensor::cuda::sum_rows(
      "rms_norm.dw", rows, n, [=] __device__(int64_t r, int64_t j) { return pdy[r * n + j] * px[r * n + j] * s[r]; },
      floats(dw));
}

static const bool rms_norm_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::rms_norm_kernels
