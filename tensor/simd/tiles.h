// Products of bf16 tiles, on processors that have them. A tile product sums up 32 steps of k at a time: the even ones and the
// odd ones apart, each in order in fp32, then both, then their sum onto the result; denormal numbers count as zero, on the way
// in and on the way out. So sums differ in their last bits from those of rounded inputs on the vector sets.
#pragma once

#include <cstdint>

#include "tensor/gemm.h"

namespace tensor {

inline constexpr int64_t kTileSide = 32;  // rows, columns and steps of k of a packed block
inline constexpr int64_t kTileBlock = kTileSide * kTileSide;

// C [m, n] = A B of packed matrices, with what follows each block.
struct TileProduct {
  int64_t m, n, k;
  const uint16_t *a, *b;
  float* c;
  int64_t ldc;
  Epilogue<float> epilogue;
};

// Each entry works on the calling thread. Packed matrices are bf16, in blocks of 32 rows (of A) or columns (of B) by 32 steps of
// k, filled up with zeros; the blocks of the same rows follow each other: [ceil(m / 32), ceil(k / 32), 1024].
struct TileKernels {
  void (*pack_a)(bool transpose, int64_t m, int64_t k, const float* a, int64_t lda, uint16_t* packed);
  void (*pack_b)(bool transpose, int64_t n, int64_t k, const float* b, int64_t ldb, uint16_t* packed);
  // rows [m, k] = the values of a packed A; k must be a multiple of 32.
  void (*unpack_a)(int64_t m, int64_t k, const uint16_t* packed, float* rows, int64_t stride);
  void (*multiply)(const TileProduct* products, int64_t count);
  // Tile products in registers; returns their number of operations. For measuring the machine.
  int64_t (*peak)(int64_t repeats, float* sink);
};

const TileKernels* tiles();  // of the set in use; null where it has none

}  // namespace tensor
