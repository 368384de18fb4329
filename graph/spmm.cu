#include "graph/spmm.h"

#include "tensor/cuda/rows.h"

namespace graph::spmm_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;

constexpr int kColumns = 4;  // per lane at a time: 128 columns in one pass over the entries

// A warp sums one row, its entries in order. weights may be null (1).
__global__ void forward_kernel(int64_t rows, const int32_t* offsets, const int32_t* indices, const float* weights,
                               const float* x, int64_t columns, float* y) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const int32_t begin = offsets[r], end = offsets[r + 1];
  for (int64_t first = tensor::cuda::lane_of_warp(); first < columns; first += kColumns * kWarp) {
    float sums[kColumns] = {};
    for (int32_t e = begin; e < end; ++e) {
      const float weight = weights ? weights[e] : 1.f;
      const float* row = x + int64_t{indices[e]} * columns;
      for (int k = 0; k < kColumns; ++k) {
        if (first + k * kWarp < columns) sums[k] += weight * row[first + k * kWarp];
      }
    }
    for (int k = 0; k < kColumns; ++k) {
      if (first + k * kWarp < columns) y[r * columns + first + k * kWarp] = sums[k];
    }
  }
}

static void forward_cuda(const Csr& a, const Tensor& x, Tensor& y) {
  const float* weights = a.values.defined() ? tensor::cuda::constants(a.values) : nullptr;
  tensor::cuda::launch_rows("spmm.forward", a.rows, forward_kernel, a.rows, tensor::cuda::indices(a.offsets),
                            tensor::cuda::indices(a.indices), weights, floats(x), x.columns(), floats(y));
}

static const bool spmm_bound = forward.bind_cuda(forward_cuda);

}  // namespace graph::spmm_kernels
