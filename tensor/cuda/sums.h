// Sums over all elements and over the rows of a matrix, in an order that depends on the size only.
#pragma once

#include "tensor/cuda/rows.h"

namespace tensor::cuda {

inline constexpr unsigned kSumThreads = 256;
inline constexpr int64_t kSumPiece = 1 << 14;  // elements that one block adds

// The sum of `value` over the threads of the block, in all of them; `memory` holds one element per warp.
template <class T>
__device__ T block_sum(T value, T* memory) {
  value = warp_sum(value);
  if (lane_of_warp() == 0) memory[threadIdx.x / kWarp] = value;
  __syncthreads();
  T sum = 0;
  for (unsigned w = 0; w < blockDim.x / kWarp; ++w) sum += memory[w];
  __syncthreads();
  return sum;
}

// parts[b] = sum of f(i) over piece b.
template <class F>
__global__ void sum_pieces_kernel(int64_t n, F f, double* parts) {
  const int64_t begin = blockIdx.x * kSumPiece, end = begin + kSumPiece < n ? begin + kSumPiece : n;
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) sum += f(i);
  sum = block_sum(sum, shared_memory<double>());
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// finish(sum of the parts), by one block.
template <class F>
__global__ void sum_parts_kernel(int64_t n, const double* parts, F finish) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += parts[i];
  sum = block_sum(sum, shared_memory<double>());
  if (threadIdx.x == 0) finish(sum);
}

// finish(sum over i < n of f(i)) on the device, in double.
template <class F, class Finish>
void sum(const char* name, int64_t n, F f, Finish finish) {
  const int64_t pieces = (n + kSumPiece - 1) / kSumPiece;
  constexpr size_t shared = kSumThreads / kWarp * sizeof(double);
  Tensor parts = scratch(pieces, DType::f64);
  launch(name, dim3(static_cast<unsigned>(pieces)), dim3(kSumThreads), shared, sum_pieces_kernel<F>, n, f,
         parts.data<double>());
  launch(name, dim3(1), dim3(kSumThreads), shared, sum_parts_kernel<Finish>, pieces, parts.data<double>(), finish);
}

inline constexpr int64_t kRowPiece = 256;  // rows that one block adds
inline constexpr unsigned kRowLines = 8;   // threads that share the rows of a column

// parts[piece, j] = sum over the rows r of the piece of f(r, j). A block has 32 columns and kRowLines lines.
template <class F>
__global__ void sum_rows_kernel(int64_t rows, int64_t columns, F f, float* parts) {
  float* memory = shared_memory<float>();  // [kRowLines, 32]
  const int64_t j = int64_t{blockIdx.y} * kWarp + threadIdx.x, begin = blockIdx.x * kRowPiece;
  const int64_t end = begin + kRowPiece < rows ? begin + kRowPiece : rows;
  float sum = 0;
  if (j < columns) {
    for (int64_t r = begin + threadIdx.y; r < end; r += kRowLines) sum += f(r, j);
  }
  memory[threadIdx.y * kWarp + threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || j >= columns) return;
  for (unsigned line = 1; line < kRowLines; ++line) sum += memory[line * kWarp + threadIdx.x];
  parts[blockIdx.x * columns + j] = sum;
}

// What stands in a matrix.
struct RowParts {
  const float* parts;
  int64_t columns;
  __device__ float operator()(int64_t r, int64_t j) const { return parts[r * columns + j]; }
};

// sums[j] = sum over r < rows of f(r, j), for j < columns.
template <class F>
void sum_rows(const char* name, int64_t rows, int64_t columns, F f, float* sums) {
  const int64_t pieces = rows > 0 ? (rows + kRowPiece - 1) / kRowPiece : 1;
  Tensor memory = scratch(pieces > 1 ? pieces * columns : 0);
  float* parts = pieces > 1 ? floats(memory) : sums;
  const dim3 grid(static_cast<unsigned>(pieces), static_cast<unsigned>((columns + kWarp - 1) / kWarp)),
      block(kWarp, kRowLines);
  launch(name, grid, block, kRowLines * kWarp * sizeof(float), sum_rows_kernel<F>, rows, columns, f, parts);
  if (pieces > 1) sum_rows(name, pieces, columns, RowParts{parts, columns}, sums);
}

}  // namespace tensor::cuda
