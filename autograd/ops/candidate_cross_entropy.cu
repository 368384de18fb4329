#include "autograd/ops/candidate_cross_entropy.h"

#include "autograd/ops/mean_loss_cuda.h"

namespace autograd::candidate_cross_entropy_kernels {

using tensor::cuda::floats;
using tensor::cuda::indices;

// Who chooses among what.
struct Rows {
  int64_t rows, columns;
  const float* logits;
  const int32_t *targets, *lists, *offsets, *classes;
};

static Rows rows_of(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates) {
  return {logits.rows(), logits.columns(), floats(logits),
          indices(targets), indices(lists), indices(candidates.offsets), indices(candidates.classes)};
}

// The loss of a row, by its warp.
struct RowLoss {
  Rows x;
  float* lse;

  __device__ float operator()(int64_t r) const {
    const int lane = tensor::cuda::lane_of_warp();
    const float* logits = x.logits + r * x.columns;
    const int32_t begin = x.offsets[x.lists[r]], end = x.offsets[x.lists[r] + 1];
    float largest = -INFINITY;
    for (int32_t e = begin + lane; e < end; e += tensor::cuda::kWarp) largest = fmaxf(largest, logits[x.classes[e]]);
    largest = tensor::cuda::warp_max(largest);
    const auto exponential = [&](int64_t e) { return expf(logits[x.classes[begin + e]] - largest); };
    const float log_sum = logf(tensor::cuda::warp_sum_of(end - begin, exponential));
    if (lane == 0) lse[r] = largest + log_sum;
    return log_sum - (logits[x.targets[r]] - largest);
  }
};

__global__ void backward_kernel(Rows x, const float* lse, const float* weight, const float* dloss, float* dlogits) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= x.rows) return;
  const float *logits = x.logits + r * x.columns, g = *weight * *dloss;
  float* dx = dlogits + r * x.columns;
  for (int64_t j = tensor::cuda::lane_of_warp(); j < x.columns; j += tensor::cuda::kWarp) dx[j] = 0;
  const int32_t target = x.targets[r];
  if (target < 0) return;
  __syncwarp();
  const int32_t end = x.offsets[x.lists[r] + 1];
  for (int32_t e = x.offsets[x.lists[r]] + tensor::cuda::lane_of_warp(); e < end; e += tensor::cuda::kWarp) {
    const int32_t c = x.classes[e];
    dx[c] = g * expf(logits[c] - lse[r]) - (c == target ? g : 0);
  }
}

static void forward_cuda(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates,
                         Tensor& loss, Tensor& lse, Tensor& weight) {
  const Rows x = rows_of(logits, targets, lists, candidates);
  mean_loss("candidate_cross_entropy.forward", x.rows, x.targets, RowLoss{x, floats(lse)}, loss, weight);
}

static void backward_cuda(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates,
                          const Tensor& lse, const Tensor& weight, const Tensor& dloss, Tensor& dlogits) {
  tensor::cuda::launch_rows("candidate_cross_entropy.backward", logits.rows(), backward_kernel,
                            rows_of(logits, targets, lists, candidates), floats(lse), floats(weight), floats(dloss),
                            floats(dlogits));
}

static const bool candidate_cross_entropy_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::candidate_cross_entropy_kernels
