#include "autograd/ops/repeat_rows_by_segment.h"

#include "autograd/ops/segments_cuda.h"

namespace autograd::repeat_rows_by_segment_kernels {

using tensor::cuda::floats;

__global__ void forward_kernel(int64_t segments, int64_t columns, const float* x, const int32_t* offsets, bool mean,
                               float* y) {
  for_columns_of_segment(segments, columns, offsets, mean, [=](int64_t s, int64_t j, int64_t begin, int64_t end, float factor) {
    const float value = x[s * columns + j] * factor;
    for (int64_t r = begin; r < end; ++r) y[r * columns + j] = value;
  });
}

static void forward_cuda(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y) {
  tensor::cuda::launch_rows("repeat_rows_by_segment.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x),
                            tensor::cuda::indices(offsets), mean, floats(y));
}

static const bool repeat_rows_by_segment_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::repeat_rows_by_segment_kernels
