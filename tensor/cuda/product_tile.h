// Products of small matrices on tensor cores, by one warp: inputs rounded to bf16, sums in fp32. A matrix is anything with
//   pair(r, c)         the elements (r, c) and (r, c+1), rounded and packed, the first in the low half; c is even
//   column_pair(r, c)  the elements (r, c) and (r+1, c); r is even
// Indices may go up to the next multiple of 16 beyond the matrix, where the elements are 0. Device code.
#pragma once

#include "tensor/cuda/rows.h"
#include "tensor/cuda/tensor_cores.h"

namespace tensor::cuda {

// The numbers value(r, c), rounded as they are read.
template <class F>
struct RoundedOnRead {
  F value;
  __device__ uint32_t pair(int r, int c) const { return pack_bf16(value(r, c), value(r, c + 1)); }
  __device__ uint32_t column_pair(int r, int c) const { return pack_bf16(value(r, c), value(r + 1, c)); }
};

template <class M>
struct Transposed {
  M matrix;
  __device__ uint32_t pair(int r, int c) const { return matrix.column_pair(c, r); }
  __device__ uint32_t column_pair(int r, int c) const { return matrix.pair(c, r); }
};
template <class M>
Transposed(M) -> Transposed<M>;

// In shared memory, two neighbours of a row in a word. The rows are 4 words (modulo 8) apart, so that neither the lanes that
// read pairs nor those that read column pairs meet in a bank.
struct StagedMatrix {
  const uint32_t* words;
  int stride;
  __device__ uint32_t pair(int r, int c) const { return words[r * stride + c / 2]; }
  __device__ uint32_t column_pair(int r, int c) const {
    const uint32_t *upper = words + r * stride + c / 2, *lower = upper + stride;
    const int shift = c % 2 * 16;
    return (*upper >> shift & 0xffffu) | *lower >> shift << 16;
  }
};

constexpr int up_to_16(int n) { return (n + 15) / 16 * 16; }
constexpr int staged_stride(int columns) { return up_to_16(columns) / 2 + 4; }
constexpr int staged_words(int rows, int columns) { return up_to_16(rows) * staged_stride(columns); }

// Copies a matrix to `memory`, by all threads of the block; __syncthreads() is the caller's. Each thread asks for several
// elements before it waits for the first.
template <class M>
__device__ StagedMatrix stage_rounded(uint32_t*& memory, const M& matrix, int rows, int columns) {
  constexpr int kAtOnce = 8;
  const int warps = static_cast<int>(blockDim.x / kWarp), stride = staged_stride(columns), padded = up_to_16(rows);
  uint32_t* to = memory;
  for (int first = static_cast<int>(threadIdx.x / kWarp); first < padded; first += warps * kAtOnce) {
    for (int word = lane_of_warp(); word < up_to_16(columns) / 2; word += kWarp) {
      uint32_t read[kAtOnce];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        const int r = first + u * warps;
        read[u] = r < rows ? matrix.pair(r, 2 * word) : 0;
      }
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        const int r = first + u * warps;
        if (r < padded) to[r * stride + word] = read[u];
      }
    }
  }
  memory += staged_words(rows, columns);
  return {to, stride};
}

inline constexpr int kTileRows = 16;

// 16 rows and some columns of a product, in the registers of a warp: four sums per lane of each part of 8 columns.
template <int kTileColumns>
struct ProductTile {
  static constexpr int kColumns = kTileColumns, kParts = kColumns / 8;
  float sums[kParts][4];

  __device__ void clear() {
#pragma unroll
    for (int e = 0; e < 4 * kParts; ++e) sums[e / 4][e % 4] = 0;
  }

  // f(half, r, c, sum) for each sum of this lane; half 0 or 1 says which of the lane's two rows, r and c are from the tile's
  // corner on.
  template <class F>
  __device__ void for_each(F f) {
    const int g = lane_of_warp() / 4, t = lane_of_warp() % 4 * 2;
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
#pragma unroll
      for (int e = 0; e < 4; ++e) f(e / 2, g + e / 2 * 8, 8 * part + t + e % 2, sums[part][e]);
    }
  }

  // += A[row.., k..k+15] B[k..k+15, column..], for columns below `columns`; `left` is that part of A.
  template <class B>
  __device__ void add_step(const uint32_t (&left)[4], const B& b, int k, int column, int columns) {
    const int g = lane_of_warp() / 4, t = lane_of_warp() % 4 * 2;
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const int c = column + 8 * part;
      if (c >= columns) continue;
      const uint32_t right[2] = {b.column_pair(k + t, c + g), b.column_pair(k + t + 8, c + g)};
      multiply_add(sums[part], left, right);
    }
  }

  // += A[row.., first..last) B[first..last), column..], for columns below `columns`. `first` is a multiple of 16.
  template <class A, class B>
  __device__ void add(const A& a, int row, const B& b, int first, int last, int column, int columns) {
    const int g = row + lane_of_warp() / 4, t = lane_of_warp() % 4 * 2;
    for (int k = first; k < last; k += 16) {
      const uint32_t left[4] = {a.pair(g, k + t), a.pair(g + 8, k + t), a.pair(g, k + t + 8), a.pair(g + 8, k + t + 8)};
      add_step(left, b, k, column, columns);
    }
  }

  // += W B[first..last), column..], where W are the rounded numbers of a tile, the columns first..last of a matrix. The sums
  // of a product lie in the lanes as a left side must: nothing moves.
  template <int kWeights, class B>
  __device__ void add(const ProductTile<kWeights>& weights, const B& b, int first, int last, int column, int columns) {
#pragma unroll
    for (int step = 0; step < kWeights / 16; ++step) {
      if (first + 16 * step >= last) continue;
      const auto &w = weights.sums[2 * step], &next = weights.sums[2 * step + 1];
      const uint32_t left[4] = {pack_bf16(w[0], w[1]), pack_bf16(w[2], w[3]), pack_bf16(next[0], next[1]),
                                pack_bf16(next[2], next[3])};
      add_step(left, b, first + 16 * step, column, columns);
    }
  }
};

// Over the four lanes that share the rows of a tile.
__device__ inline float tile_row_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, 1));
  return fmaxf(value, __shfl_xor_sync(kAllLanes, value, 2));
}
__device__ inline float tile_row_sum(float value) {
  value += __shfl_xor_sync(kAllLanes, value, 1);
  return value + __shfl_xor_sync(kAllLanes, value, 2);
}

}  // namespace tensor::cuda
