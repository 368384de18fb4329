#include "autograd/ops/segment_sum.h"

#include "tensor/cuda/rows.h"

namespace autograd::segment_sum_kernels {

using tensor::cuda::floats;

__global__ void forward_kernel(int64_t segments, int64_t columns, const float* x, const int32_t* offsets, bool mean,
                               float* y) {
  const int64_t s = tensor::cuda::row_of_warp();
  if (s >= segments) return;
  const int32_t begin = offsets[s], end = offsets[s + 1];
  const float factor = mean && end > begin ? 1 / static_cast<float>(end - begin) : 1.f;
  for (int64_t j = tensor::cuda::lane_of_warp(); j < columns; j += tensor::cuda::kWarp) {
    float sum = 0;
    for (int64_t r = begin; r < end; ++r) sum += x[r * columns + j];
    y[s * columns + j] = sum * factor;
  }
}

static void forward_cuda(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y) {
  tensor::cuda::launch_rows("segment_sum.forward", y.rows(), forward_kernel, y.rows(), x.columns(), floats(x),
                            tensor::cuda::indices(offsets), mean, floats(y));
}

static const bool segment_sum_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::segment_sum_kernels
