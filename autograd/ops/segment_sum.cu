#include "autograd/ops/segment_sum.h"

#include "autograd/ops/segments_cuda.h"

namespace autograd::segment_sum_kernels {

using tensor::cuda::floats;

__global__ void forward_kernel(int64_t segments, int64_t columns, const float* x, const int32_t* offsets, bool mean,
                               float* y) {
  for_columns_of_segment(segments, columns, offsets, mean, [=](int64_t s, int64_t j, int64_t begin, int64_t end, float factor) {
    float sum = 0;
    for (int64_t r = begin; r < end; ++r) sum += x[r * columns + j];
    y[s * columns + j] = sum * factor;
  });
}

static void forward_cuda(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y) {
  tensor::cuda::launch_rows("segment_sum.forward", y.rows(), forward_kernel, y.rows(), x.columns(), floats(x),
                            tensor::cuda::indices(offsets), mean, floats(y));
}

static const bool segment_sum_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::segment_sum_kernels
