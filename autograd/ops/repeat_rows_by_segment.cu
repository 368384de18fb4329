#include "autograd/ops/repeat_rows_by_segment.h"

#include "tensor/cuda/rows.h"

namespace autograd::repeat_rows_by_segment_kernels {

using tensor::cuda::floats;

__global__ void forward_kernel(int64_t segments, int64_t columns, const float* x, const int32_t* offsets, bool mean,
                               float* y) {
  const int64_t s = tensor::cuda::row_of_warp();
  if (s >= segments) return;
  const int32_t begin = offsets[s], end = offsets[s + 1];
  const float factor = mean && end > begin ? 1 / static_cast<float>(end - begin) : 1.f;
  for (int64_t j = tensor::cuda::lane_of_warp(); j < columns; j += tensor::cuda::kWarp) {
    const float value = x[s * columns + j] * factor;
    for (int64_t r = begin; r < end; ++r) y[r * columns + j] = value;
  }
}

static void forward_cuda(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y) {
  tensor::cuda::launch_rows("repeat_rows_by_segment.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x),
                            tensor::cuda::indices(offsets), mean, floats(y));
}

static const bool repeat_rows_by_segment_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::repeat_rows_by_segment_kernels
