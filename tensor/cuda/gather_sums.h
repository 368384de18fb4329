// Sums of rows that are gathered by their indices: sparse products, and the gradient of a table from which rows were taken.
// Device code.
#pragma once

#include "tensor/cuda/rows.h"

namespace tensor::cuda {

inline constexpr int kGatherWarps = 8;       // of a block, each with a row of its own
inline constexpr int kGatherColumns = 4;     // of a lane in one pass over the entries: 128 of a warp
inline constexpr int kLongGather = 64;       // entries; the warps of a block share longer rows

// y[r] = sum over the entries e of row r of weights[e] * x[indices[e]], added to what is there where `add`.
struct GatherSums {
  int64_t rows, columns;           // of y
  const int32_t *offsets, *indices;
  const float *weights, *x;        // weights may be null: 1
  float* y;
  bool add = false;

  __device__ void put(int64_t row, int64_t column, float sum) const {
    float& to = y[row * columns + column];
    to = add ? to + sum : sum;
  }
};

// Adds the entries [begin, end) to sums, which stand for the columns first, first + kWarp, ... In order, but many are on their
// way from memory at a time.
__device__ inline void gather_entries(const GatherSums& g, int begin, int end, int64_t first, float* sums) {
#pragma unroll 8
  for (int e = begin; e < end; ++e) {
    const float weight = g.weights ? g.weights[e] : 1.f;
    const float* row = g.x + int64_t{g.indices[e]} * g.columns;
#pragma unroll
    for (int k = 0; k < kGatherColumns; ++k) {
      if (first + k * kWarp < g.columns) sums[k] += weight * row[first + k * kWarp];
    }
  }
}

// The rows of a block are far apart, so that long rows which follow each other go to several blocks.
static __global__ void gather_sums_kernel(GatherSums g) {
  float* memory = shared_memory<float>();  // [kGatherWarps, kGatherColumns * kWarp]
  constexpr int kPass = kGatherColumns * kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = lane_of_warp();
  const auto row_of = [](int i) { return int64_t{blockIdx.x} + int64_t{i} * gridDim.x; };
  if (const int64_t r = row_of(warp); r < g.rows && g.offsets[r + 1] - g.offsets[r] <= kLongGather) {
    for (int64_t first = lane; first < g.columns; first += kPass) {
      float sums[kGatherColumns] = {};
      gather_entries(g, g.offsets[r], g.offsets[r + 1], first, sums);
      for (int k = 0; k < kGatherColumns; ++k) {
        if (first + k * kWarp < g.columns) g.put(r, first + k * kWarp, sums[k]);
      }
    }
  }
  for (int i = 0; i < kGatherWarps; ++i) {
    const int64_t r = row_of(i);
    if (r >= g.rows) return;
    const int64_t begin = g.offsets[r], count = g.offsets[r + 1] - begin;
    if (count <= kLongGather) continue;
    const auto from = static_cast<int>(begin + count * warp / kGatherWarps);
    const auto to = static_cast<int>(begin + count * (warp + 1) / kGatherWarps);
    for (int64_t first = 0; first < g.columns; first += kPass) {
      float sums[kGatherColumns] = {};
      gather_entries(g, from, to, first + lane, sums);
      for (int k = 0; k < kGatherColumns; ++k) memory[warp * kPass + k * kWarp + lane] = sums[k];
      __syncthreads();
      for (int j = static_cast<int>(threadIdx.x); j < kPass && first + j < g.columns; j += static_cast<int>(blockDim.x)) {
        float sum = 0;
        for (int w = 0; w < kGatherWarps; ++w) sum += memory[w * kPass + j];
        g.put(r, first + j, sum);
      }
      __syncthreads();
    }
  }
}

inline void gather_sums(const char* name, const GatherSums& g) {
  const auto blocks = static_cast<unsigned>((g.rows + kGatherWarps - 1) / kGatherWarps);
  launch(name, dim3(blocks), dim3(kGatherWarps * kWarp), kGatherWarps * kGatherColumns * kWarp * sizeof(float),
         gather_sums_kernel, g);
}

}  // namespace tensor::cuda
