#include "autograd/ops/cross_entropy.h"

#include "autograd/ops/matmul.h"
#include "autograd/ops/mean_loss_cuda.h"
#include "tensor/cuda/rounding.h"

namespace autograd::cross_entropy_kernels {

using tensor::cuda::floats;

// The loss of a row, by its warp.
struct RowLoss {
  int64_t n;
  const float* logits;
  const int32_t* targets;
  float smoothing;
  float* lse;

  __device__ float operator()(int64_t r) const {
    const int lane = tensor::cuda::lane_of_warp();
    const float* x = logits + r * n;
    float largest = -INFINITY;
    for (int64_t j = lane; j < n; j += tensor::cuda::kWarp) largest = fmaxf(largest, x[j]);
    largest = tensor::cuda::warp_max(largest);
    // Relative to the largest logit, as on the CPU.
    const float log_sum = logf(tensor::cuda::warp_sum_of(n, [&](int64_t j) { return expf(x[j] - largest); }));
    if (lane == 0) lse[r] = largest + log_sum;
    const float loss = log_sum - (1 - smoothing) * (x[targets[r]] - largest);
    if (smoothing == 0) return loss;
    const float mean = tensor::cuda::warp_sum_of(n, [&](int64_t j) { return x[j]; }) / static_cast<float>(n);
    return loss - smoothing * (mean - largest);
  }
};

__global__ void backward_kernel(int64_t rows, int64_t n, const float* logits, const int32_t* targets, float smoothing,
                                const float* lse, const float* weight, const float* dloss, float* dlogits,
                                tensor::cuda::RoundedElements rounded) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const float *x = logits + r * n, g = *weight * *dloss, smooth = smoothing / static_cast<float>(n);
  const int32_t target = targets[r];
  for (int64_t j = tensor::cuda::lane_of_warp(); j < n; j += tensor::cuda::kWarp) {
    const float dx = target < 0 ? 0.f : g * (expf(x[j] - lse[r]) - smooth);
    rounded.set(r * n + j, dlogits[r * n + j] = j == target ? dx - g * (1 - smoothing) : dx);
  }
}

static void forward_cuda(const Tensor& logits, const Tensor& targets, double label_smoothing, Tensor& loss, Tensor& lse,
                         Tensor& weight) {
  const int32_t* target = tensor::cuda::indices(targets);
  const RowLoss row{logits.columns(), floats(logits), target, static_cast<float>(label_smoothing), floats(lse)};
  mean_loss("cross_entropy.forward", logits.rows(), target, row, loss, weight);
}

static void backward_cuda(const Tensor& logits, const Tensor& targets, double label_smoothing, const Tensor& lse,
                          const Tensor& weight, const Tensor& dloss, Tensor& dlogits) {
  const Tensor rounded = matmul_kernels::rounded_of(dlogits);
  tensor::cuda::launch_rows("cross_entropy.backward", logits.rows(), backward_kernel, logits.rows(), logits.columns(),
                            floats(logits), tensor::cuda::indices(targets), label_smoothing, floats(lse), floats(weight),
                            floats(dloss), floats(dlogits), tensor::cuda::rounded_elements(rounded));
  dlogits.set_rounded(rounded);
}

static const bool cross_entropy_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::cross_entropy_kernels
