#include "autograd/ops/layer_norm.h"

#include "tensor/cuda/sums.h"

namespace autograd::layer_norm_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum_of;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* x, const float* gamma, const float* beta, float epsilon,
                               float* y, float* mean, float* rstd) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n;
  const float m = warp_sum_of(n, [&](int64_t j) { return x[j]; }) / static_cast<float>(n);
  const float square = warp_sum_of(n, [&](int64_t j) { return (x[j] - m) * (x[j] - m); });
  const float s = 1 / sqrtf(square / static_cast<float>(n) + epsilon);
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) y[r * n + j] = (x[j] - m) * s * gamma[j] + beta[j];
  if (lane_of_warp() == 0) mean[r] = m, rstd[r] = s;
}

static void forward_cuda(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon, Tensor& y, Tensor& mean,
                         Tensor& rstd) {
  tensor::cuda::launch_rows("layer_norm.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x), floats(gamma),
                            floats(beta), epsilon, floats(y), floats(mean), floats(rstd));
}

static void backward_cuda(const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd, const Tensor& dy,
                          Tensor& dx, Tensor& dgamma, Tensor& dbeta) {
  const int64_t n = x.columns();
  const float *all_x = floats(x), *g = floats(gamma), *means = floats(mean), *rstds = floats(rstd), *all_dy = floats(dy);
  float* all_dx = floats(dx);
  const auto row = [=] __device__(int64_t r, auto add) {
    const float *px = all_x + r * n, *pdy = all_dy + r * n, m = means[r], s = rstds[r];
    const float sum = warp_sum_of(n, [&](int64_t j) { return g[j] * pdy[j]; }) / static_cast<float>(n);
    const float dot = warp_sum_of(n, [&](int64_t j) { return g[j] * pdy[j] * ((px[j] - m) * s); }) / static_cast<float>(n);
    for (int64_t j = lane_of_warp(); j < n; j += kWarp) {
      const float normal = (px[j] - m) * s;
      all_dx[r * n + j] = s * (g[j] * pdy[j] - sum - normal * dot);
      add(0, j, pdy[j] * normal);
      add(1, j, pdy[j]);
    }
  };
  tensor::cuda::rows_and_sums<2>("layer_norm.backward", x.rows(), n, row, {{floats(dgamma), floats(dbeta)}});
}

static const bool layer_norm_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::layer_norm_kernels
