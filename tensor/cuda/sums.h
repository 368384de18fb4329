// Sums over all elements and over the rows of a matrix, in an order that depends on the size only.
#pragma once

#include <algorithm>

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

// Whether this block is the last of `blocks` to come here, told to all of its threads: then it sees what the others wrote
// before. So a sum of sums needs no second kernel, and is added up in the same order whichever block is the last. The counter
// is one of arrivals(); `memory` holds one element.
__device__ inline bool last_to_arrive(unsigned* counter, unsigned blocks, unsigned* memory) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    *memory = atomicAdd(counter, 1u) + 1 == blocks;
    if (*memory) *counter = 0;
  }
  __syncthreads();
  const bool last = *memory;
  __syncthreads();
  if (last) __threadfence();
  return last;
}

// finish(the sums of each of `values` over all threads of all blocks), by one thread of the last block; `parts` holds N
// numbers per block.
template <int N, class Finish>
__device__ void sum_of_blocks(const double (&values)[N], Finish finish, double* parts, unsigned* counter) {
  double* memory = shared_memory<double>();
  for (int k = 0; k < N; ++k) {
    const double sum = block_sum(values[k], memory);
    if (threadIdx.x == 0) parts[k * gridDim.x + blockIdx.x] = sum;
  }
  if (!last_to_arrive(counter, gridDim.x, reinterpret_cast<unsigned*>(memory))) return;
  double sums[N];
  for (int k = 0; k < N; ++k) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < gridDim.x; i += blockDim.x) sum += parts[k * gridDim.x + i];
    sums[k] = block_sum(sum, memory);
  }
  if (threadIdx.x == 0) finish(sums);
}

// Each block sums a piece of f(i), i < n; finish(the sum of all).
template <class F, class Finish>
__global__ void sum_kernel(int64_t n, F f, Finish finish, double* parts, unsigned* counter) {
  const int64_t begin = blockIdx.x * kSumPiece, end = begin + kSumPiece < n ? begin + kSumPiece : n;
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) sum += f(i);
  sum_of_blocks({sum}, [=](const double* total) { finish(*total); }, parts, counter);
}

// finish(sum over i < n of f(i)) on the device, in double, by one kernel.
template <class F, class Finish>
void sum(const char* name, int64_t n, F f, Finish finish) {
  const int64_t pieces = n > 0 ? (n + kSumPiece - 1) / kSumPiece : 1;
  Tensor parts = scratch(pieces, DType::f64);
  launch(name, dim3(static_cast<unsigned>(pieces)), dim3(kSumThreads), kSumThreads / kWarp * sizeof(double),
         sum_kernel<F, Finish>, n, f, finish, parts.data<double>(), arrivals(1));
}

inline constexpr int64_t kRowPiece = 256;  // rows that one block adds
inline constexpr unsigned kRowLines = 8;   // threads that share the rows of a column

// sums[j] = sum over r < rows of f(r, j). A block has 32 columns and kRowLines lines, and takes a piece of the rows; the last
// block of its columns adds up the pieces.
template <class F>
__global__ void sum_rows_kernel(int64_t rows, int64_t columns, F f, bool add, float* parts, float* sums,
                                unsigned* counters) {
  float* memory = shared_memory<float>();  // [kRowLines, 32]
  const int64_t j = int64_t{blockIdx.y} * kWarp + threadIdx.x;
  // Of the rows [begin, end) of g(r), in the first line.
  const auto sum_lines = [&](int64_t begin, int64_t end, auto g) {
    float sum = 0;
    if (j < columns) {
      for (int64_t r = begin + threadIdx.y; r < end; r += kRowLines) sum += g(r);
    }
    memory[threadIdx.y * kWarp + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0) {
      for (unsigned line = 1; line < kRowLines; ++line) sum += memory[line * kWarp + threadIdx.x];
    }
    return sum;
  };
  const bool writes = threadIdx.y == 0 && j < columns;
  const int64_t begin = blockIdx.x * kRowPiece, end = begin + kRowPiece < rows ? begin + kRowPiece : rows;
  const float part = sum_lines(begin, end, [&](int64_t r) { return f(r, j); });
  if (gridDim.x == 1) {
    if (writes) sums[j] = add ? sums[j] + part : part;
    return;
  }
  if (writes) parts[blockIdx.x * columns + j] = part;
  if (!last_to_arrive(counters + blockIdx.y, gridDim.x, reinterpret_cast<unsigned*>(memory))) return;
  const float sum = sum_lines(0, gridDim.x, [&](int64_t piece) { return parts[piece * columns + j]; });
  if (writes) sums[j] = add ? sums[j] + sum : sum;
}

// What stands in a matrix.
struct RowParts {
  const float* parts;
  int64_t columns;
  __device__ float operator()(int64_t r, int64_t j) const { return parts[r * columns + j]; }
};

// sums[j] = sum over r < rows of f(r, j), for j < columns, by one kernel; added to what is there where `add`.
template <class F>
void sum_rows(const char* name, int64_t rows, int64_t columns, F f, float* sums, bool add = false) {
  const int64_t pieces = rows > 0 ? (rows + kRowPiece - 1) / kRowPiece : 1, strips = (columns + kWarp - 1) / kWarp;
  Tensor parts = scratch(pieces > 1 ? pieces * columns : 0);
  launch(name, dim3(static_cast<unsigned>(pieces), static_cast<unsigned>(strips)), dim3(kWarp, kRowLines),
         kRowLines * kWarp * sizeof(float), sum_rows_kernel<F>, rows, columns, f, add, parts.data<float>(), sums,
         arrivals(strips));
}

inline constexpr int64_t kMostRowWarps = 8;     // of a block of the next kernel, as far as their sums fit into shared memory
inline constexpr int64_t kMostRowBlocks = 128;  // of it

template <int Sums>
struct ColumnSums {
  float* of[Sums];  // [columns] each
};

// row(r, add) for every row, by one warp, where one lane calls add(s, j, x) to add x to element j of sum s: a gradient of the
// rows together with the gradients of what all rows share.
template <int Sums, class F>
__global__ void rows_and_sums_kernel(int64_t rows, int64_t columns, F row, ColumnSums<Sums> sums, float* parts,
                                     unsigned* counter) {
  float* memory = shared_memory<float>();  // [warps, Sums, columns]
  const int64_t size = Sums * columns, piece = (rows + gridDim.x - 1) / gridDim.x, begin = blockIdx.x * piece;
  const int64_t end = begin + piece < rows ? begin + piece : rows;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = static_cast<int>(blockDim.x) / kWarp;
  for (int64_t i = threadIdx.x; i < warps * size; i += blockDim.x) memory[i] = 0;
  __syncthreads();
  for (int64_t r = begin + warp; r < end; r += warps) {
    row(r, [&](int s, int64_t j, float x) { memory[warp * size + s * columns + j] += x; });
    __syncwarp();
  }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < size; i += blockDim.x) {
    float sum = 0;
    for (int w = 0; w < warps; ++w) sum += memory[w * size + i];
    parts[blockIdx.x * size + i] = sum;
  }
  if (!last_to_arrive(counter, gridDim.x, reinterpret_cast<unsigned*>(memory))) return;
  for (int64_t i = threadIdx.x; i < size; i += blockDim.x) {
    float sum = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) sum += parts[b * size + i];
    sums.of[i / columns][i % columns] = sum;
  }
}

template <int Sums, class F>
void rows_and_sums(const char* name, int64_t rows, int64_t columns, F row, const ColumnSums<Sums>& sums) {
  constexpr int64_t kSharedBytes = 64 << 10;
  const int64_t of_warp = std::max<int64_t>(1, Sums * columns * int64_t{sizeof(float)});
  const int64_t warps = std::clamp<int64_t>(kSharedBytes / of_warp, 1, kMostRowWarps);
  const int64_t blocks = std::clamp<int64_t>((rows + warps - 1) / warps, 1, kMostRowBlocks);
  Tensor parts = scratch(blocks * Sums * columns);
  launch(name, dim3(static_cast<unsigned>(blocks)), dim3(static_cast<unsigned>(warps * kWarp)),
         static_cast<size_t>(warps * of_warp), rows_and_sums_kernel<Sums, F>, rows, columns, row, sums, parts.data<float>(),
         arrivals(1));
}

}  // namespace tensor::cuda
