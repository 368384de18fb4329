#include "autograd/ops/rms_norm.h"

#include "autograd/ops/matmul.h"
#include "tensor/cuda/rounding.h"
#include "tensor/cuda/sums.h"

namespace autograd::rms_norm_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum_of;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* x, const float* w, float epsilon, float* y,
                               tensor::cuda::RoundedElements rounded, float* rrms) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n;
  const float s = tensor::cuda::inverse_root_mean_square(x, n, epsilon);
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) rounded.set(r * n + j, y[r * n + j] = x[j] * w[j] * s);
  if (lane_of_warp() == 0) rrms[r] = s;
}

static void forward_cuda(const Tensor& x, const Tensor& w, double epsilon, Tensor& y, Tensor& rrms) {
  const Tensor rounded = matmul_kernels::rounded_of(y);
  tensor::cuda::launch_rows("rms_norm.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x), floats(w),
                            epsilon, floats(y), tensor::cuda::rounded_elements(rounded), floats(rrms));
  y.set_rounded(rounded);
}

static void backward_cuda(const Tensor& x, const Tensor& w, const Tensor& rrms, const Tensor& dy, Tensor& dx, Tensor& dw) {
  const int64_t n = x.columns();
  const float *all_x = floats(x), *pw = floats(w), *all_rrms = floats(rrms), *all_dy = floats(dy);
  float* all_dx = floats(dx);
  const auto row = [=] __device__(int64_t r, auto add) {
    const float *px = all_x + r * n, *pdy = all_dy + r * n, s = all_rrms[r];
    const float mean = warp_sum_of(n, [&](int64_t j) { return pw[j] * pdy[j] * px[j]; }) / static_cast<float>(n);
    for (int64_t j = lane_of_warp(); j < n; j += kWarp) {
      all_dx[r * n + j] = s * (pw[j] * pdy[j] - px[j] * s * s * mean);
      add(0, j, pdy[j] * px[j] * s);
    }
  };
  tensor::cuda::rows_and_sums<1>("rms_norm.backward", x.rows(), n, row, {{floats(dw)}});
}

static const bool rms_norm_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::rms_norm_kernels
