// Kernels that give a warp to every segment of rows: repeat_rows_by_segment and segment_sum. Device code.
#pragma once

#include "tensor/cuda/rows.h"

namespace autograd {

// In the warp of segment s: f(s, j, begin, end, factor) for its columns j, rows [begin, end), factor 1 / rows if `mean` and it
// has any, else 1.
template <class F>
__device__ void for_columns_of_segment(int64_t segments, int64_t columns, const int32_t* offsets, bool mean, F f) {
  const int64_t s = tensor::cuda::row_of_warp();
  if (s >= segments) return;
  const int32_t begin = offsets[s], end = offsets[s + 1];
  const float factor = mean && end > begin ? 1 / static_cast<float>(end - begin) : 1.f;
  for (int64_t j = tensor::cuda::lane_of_warp(); j < columns; j += tensor::cuda::kWarp) f(s, j, begin, end, factor);
}

}  // namespace autograd
