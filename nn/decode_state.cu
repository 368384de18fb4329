#include "nn/decode_state.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/rows.h"

namespace nn::decode_state_kernels {

using tensor::Tensor;
using tensor::cuda::floats;

static void ancestors_cuda(const Tensor& before, const Tensor& parents, Tensor& next) {
  const int64_t steps = next.columns();
  const int32_t *old = steps > 1 ? tensor::cuda::indices(before) : nullptr,
                *parent = steps > 1 ? tensor::cuda::indices(parents) : nullptr;
  int32_t* p = next.data<int32_t>();
  tensor::cuda::for_each("decode.ancestors", next.size(), [=] __device__(int64_t i) {
    const int64_t r = i / steps, step = i % steps;
    p[i] = step == steps - 1 ? static_cast<int32_t>(r) : old[parent[r] * (steps - 1) + step];
  });
}

__global__ void log_sum_exp_kernel(int64_t rows, int64_t columns, const float* logits, float* lse) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const float* row = logits + r * columns;
  float largest = -INFINITY;
  for (int64_t j = tensor::cuda::lane_of_warp(); j < columns; j += tensor::cuda::kWarp) largest = fmaxf(largest, row[j]);
  largest = tensor::cuda::warp_max(largest);
  const float sum = tensor::cuda::warp_sum_of(columns, [&](int64_t j) { return expf(row[j] - largest); });
  if (tensor::cuda::lane_of_warp() == 0) lse[r] = largest + logf(sum);
}

static void log_sum_exp_cuda(const Tensor& logits, Tensor& lse) {
  tensor::cuda::launch_rows("decode.log_sum_exp", logits.rows(), log_sum_exp_kernel, logits.rows(), logits.columns(),
                            floats(logits), floats(lse));
}

static const bool decode_state_bound = ancestors.bind_cuda(ancestors_cuda) && log_sum_exp.bind_cuda(log_sum_exp_cuda);

}  // namespace nn::decode_state_kernels
