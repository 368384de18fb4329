#include "autograd/ops/cross_entropy.h"

#include "tensor/cuda/sums.h"

namespace autograd::cross_entropy_kernels {

using tensor::cuda::floats;

__global__ void forward_kernel(int64_t rows, int64_t n, const float* logits, const int32_t* targets, float smoothing,
                               float* losses, float* lse) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const int lane = tensor::cuda::lane_of_warp();
  if (targets[r] < 0) {
    if (lane == 0) losses[r] = 0;
    return;
  }
  const float* x = logits + r * n;
  float largest = -INFINITY;
  for (int64_t j = lane; j < n; j += tensor::cuda::kWarp) largest = fmaxf(largest, x[j]);
  largest = tensor::cuda::warp_max(largest);
  // Relative to the largest logit, as on the CPU.
  const float log_sum = logf(tensor::cuda::warp_sum_of(n, [&](int64_t j) { return expf(x[j] - largest); }));
  const float mean =
      smoothing != 0 ? tensor::cuda::warp_sum_of(n, [&](int64_t j) { return x[j]; }) / static_cast<float>(n) : 0.f;
  if (lane > 0) return;
  lse[r] = largest + log_sum;
  losses[r] = log_sum - (1 - smoothing) * (x[targets[r]] - largest);
  if (smoothing != 0) losses[r] -= smoothing * (mean - largest);
}

__global__ void backward_kernel(int64_t rows, int64_t n, const float* logits, const int32_t* targets, float smoothing,
                                const float* lse, const float* weight, const float* dloss, float* dlogits) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const float *x = logits + r * n, g = *weight * *dloss, smooth = smoothing / static_cast<float>(n);
  const int32_t target = targets[r];
  for (int64_t j = tensor::cuda::lane_of_warp(); j < n; j += tensor::cuda::kWarp) {
    const float dx = target < 0 ? 0.f : g * (expf(x[j] - lse[r]) - smooth);
    dlogits[r * n + j] = j == target ? dx - g * (1 - smoothing) : dx;
  }
}

static void forward_cuda(const Tensor& logits, const Tensor& targets, double label_smoothing, Tensor& loss, Tensor& lse,
                         Tensor& weight) {
  const int64_t rows = logits.rows();
  const int32_t* target = tensor::cuda::indices(targets);
  Tensor losses = tensor::cuda::scratch(rows);
  float *of_row = floats(losses), *result = floats(loss), *share = floats(weight);
  tensor::cuda::launch_rows("cross_entropy.forward", rows, forward_kernel, rows, logits.columns(), floats(logits), target,
                            label_smoothing, of_row, floats(lse));
  tensor::cuda::sum(
      "cross_entropy.weight", rows, [=] __device__(int64_t r) -> double { return target[r] >= 0; },
      [=] __device__(double count) { *share = count > 0 ? static_cast<float>(1 / count) : 0.f; });
  tensor::cuda::sum(
      "cross_entropy.loss", rows, [=] __device__(int64_t r) -> double { return of_row[r]; },
      [=] __device__(double total) { *result = static_cast<float>(total * *share); });
}

static void backward_cuda(const Tensor& logits, const Tensor& targets, double label_smoothing, const Tensor& lse,
                          const Tensor& weight, const Tensor& dloss, Tensor& dlogits) {
  tensor::cuda::launch_rows("cross_entropy.backward", logits.rows(), backward_kernel, logits.rows(), logits.columns(),
                            floats(logits), tensor::cuda::indices(targets), label_smoothing, floats(lse), floats(weight),
                            floats(dloss), floats(dlogits));
}

static const bool cross_entropy_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::cross_entropy_kernels
