#include "quant/nearest.h"

#include "autograd/ops/row_dot.h"
#include "tensor/cuda/gemm.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/rows.h"
#include "tensor/divide.h"

namespace quant::nearest_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

static Tensor norms_of(const Tensor& x) {
  Tensor norms = tensor::cuda::scratch(x.rows());
  autograd::row_dot_kernels::forward(x, x, norms);
  return norms;
}

static void squared_distances_cuda(const Tensor& x, const Tensor& codes, Tensor& distances) {
  const int64_t count = codes.rows(), width = x.columns();
  const Tensor x_norms = norms_of(x), code_norms = norms_of(codes);
  const float *px = floats(x_norms), *pe = floats(code_norms);
  float* d = floats(distances);
  tensor::cuda::gemm(false, true, x.rows(), count, width, floats(x), width, floats(codes), width, d, count);
  tensor::cuda::for_each("squared_distances", distances.size(), [=] __device__(int64_t i) {
    d[i] = fmaxf(0, px[i / count] + pe[i % count] - 2 * d[i]);
  });
}

constexpr int kRowsOfWarp = 4, kCodesOfLane = 4, kWarps = 8;
constexpr int kRows = kWarps * kRowsOfWarp, kCodes = kWarp * kCodesOfLane;  // of a block: all of its rows, the codes at a time
constexpr int kColumns = 32, kStride = kColumns + 1;  // staged at a time; a column more, so that lanes meet different banks

// Copies columns [at, at + kColumns) of rows [first, first + staged) of a matrix to shared memory; 0 outside of it.
__device__ void stage(const float* matrix, int64_t rows, int64_t columns, int64_t first, int64_t at, int staged, int stride,
                      float* to) {
  for (int i = static_cast<int>(threadIdx.x); i < staged * kColumns; i += kWarps * kWarp) {
    const int64_t r = first + i / kColumns, c = at + i % kColumns;
    to[i / kColumns * stride + i % kColumns] = r < rows && c < columns ? matrix[r * columns + c] : 0;
  }
}

// A warp has kRowsOfWarp rows, a lane kCodesOfLane of the codes. Norms and products add up in one order: a row that equals a
// code has the distance 0.
__global__ void nearest_kernel(int64_t rows, int count, int64_t width, const float* x, const float* codes, int32_t* index,
                               float* distance) {
  float *staged_codes = tensor::cuda::shared_memory<float>(), *staged_rows = staged_codes + kCodes * kStride;
  const int lane = lane_of_warp(), warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t first_row = int64_t{blockIdx.x} * kRows;
  float least[kRowsOfWarp];
  int best[kRowsOfWarp];
  for (int r = 0; r < kRowsOfWarp; ++r) least[r] = INFINITY, best[r] = count;
  for (int first = 0; first < count; first += kCodes) {
    float products[kRowsOfWarp][kCodesOfLane] = {}, row_norms[kRowsOfWarp] = {}, code_norms[kCodesOfLane] = {};
    for (int64_t at = 0; at < width; at += kColumns) {
      __syncthreads();
      stage(codes, count, width, first, at, kCodes, kStride, staged_codes);
      stage(x, rows, width, first_row, at, kRows, kColumns, staged_rows);
      __syncthreads();
#pragma unroll 4
      for (int j = 0; j < kColumns; ++j) {
        float code[kCodesOfLane];
        for (int k = 0; k < kCodesOfLane; ++k) {
          code[k] = staged_codes[(k * kWarp + lane) * kStride + j];
          code_norms[k] += code[k] * code[k];
        }
        for (int r = 0; r < kRowsOfWarp; ++r) {
          const float value = staged_rows[(warp * kRowsOfWarp + r) * kColumns + j];
          row_norms[r] += value * value;
          for (int k = 0; k < kCodesOfLane; ++k) products[r][k] += value * code[k];
        }
      }
    }
    for (int k = 0; k < kCodesOfLane; ++k) {
      const int code = first + k * kWarp + lane;
      if (code >= count) continue;
      for (int r = 0; r < kRowsOfWarp; ++r) {
        const float d = fmaxf(0, row_norms[r] + code_norms[k] - 2 * products[r][k]);
        if (d < least[r]) least[r] = d, best[r] = code;
      }
    }
  }
  for (int r = 0; r < kRowsOfWarp; ++r) {
    tensor::cuda::warp_least(least[r], best[r]);
    const int64_t row = first_row + warp * kRowsOfWarp + r;
    if (lane > 0 || row >= rows) continue;
    index[row] = best[r] < count ? best[r] : 0;  // where no distance is finite
    distance[row] = least[r];
  }
}

static void nearest_cuda(const Tensor& x, const Tensor& codes, Tensor& index, Tensor& distance) {
  constexpr size_t shared = (kCodes * kStride + kRows * kColumns) * sizeof(float);
  tensor::cuda::launch("nearest", dim3(static_cast<unsigned>(tensor::ceil_div(x.rows(), kRows))), dim3(kWarps * kWarp), shared,
                       nearest_kernel, x.rows(), static_cast<int>(codes.rows()), x.columns(), floats(x), floats(codes),
                       index.data<int32_t>(), floats(distance));
}

static const bool nearest_bound = squared_distances.bind_cuda(squared_distances_cuda) && nearest.bind_cuda(nearest_cuda);

}  // namespace quant::nearest_kernels
