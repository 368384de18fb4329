// Packing and blocks of a product of bf16 tiles (tensor/simd/tiles.h). `Tiles` is a block of 32 x 32 sums: registers of the
// processor (amx.cpp) or plain C++ (plain.cpp), which runs everything else of this file on any machine.
#pragma once

#include "tensor/simd/kernels/bf16.h"
#include "tensor/simd/kernels/transpose.h"
#include "tensor/simd/tiles.h"

namespace tensor::kernels::GENREC_ISA {

constexpr int64_t kPairs = kTileSide / 2;         // a tile holds pairs of steps of k: 16 rows of 16 pairs
constexpr int64_t kTile = kPairs * kTileSide;     // elements of a tile; a packed block is two of them

inline Vector<float> load_some(const float* x, int64_t count) {
  return count >= kLanes<float> ? load(x) : count > 0 ? load_part(x, count) : Vector<float>{};
}

typedef uint16_t Narrow __attribute__((vector_size(kLanes<float> * sizeof(uint16_t))));

// Two vectors to bf16, for sets without an instruction for it.
struct Rounding {
  // to[0..L) = x, to[L..2L) = y.
  static void narrow(Vector<float> x, Vector<float> y, uint16_t* to) {
    const Narrow parts[] = {__builtin_convertvector(rounded_bits(x) >> 16, Narrow),
                            __builtin_convertvector(rounded_bits(y) >> 16, Narrow)};
    __builtin_memcpy(to, parts, sizeof parts);
  }
  // Pairs (x[i], y[i]), each moved as a float.
  static Vector<float> pair(Vector<float> x, Vector<float> y) {
    return reinterpret_cast<Vector<float>>((rounded_bits(x) >> 16) | (rounded_bits(y) & 0xffff0000u));
  }
};

// y[0..32) = the first `count` elements of x in bf16, then zeros.
template <class Rounding>
inline void round_row(const float* x, int64_t count, uint16_t* y) {
  constexpr int n = kLanes<float>;
  for (int64_t i = 0; i < kTileSide; i += 2 * n) {
    Rounding::narrow(load_some(x + i, count - i), load_some(x + i + n, count - i - n), y + i);
  }
}

// pairs[0..32) = (x[i], y[i]) in bf16, zeros after the first x_count and y_count.
template <class Rounding>
inline void pair_rows(const float* x, int64_t x_count, const float* y, int64_t y_count, float* pairs) {
  for (int64_t i = 0; i < kTileSide; i += kLanes<float>) {
    store(pairs + i, Rounding::pair(load_some(x + i, x_count - i), load_some(y + i, y_count - i)));
  }
}

// y [16, 16] = the transpose of 16 x 16 pairs.
inline void transpose_pairs(const float* x, int64_t stride, uint16_t* y) {
  alignas(64) float turned[kPairs * kPairs];
  for (int64_t r = 0; r < kPairs; r += kLanes<float>) {
    for (int64_t c = 0; c < kPairs; c += kLanes<float>) {
      transpose_square<float>(kLanes<float>, x + r * stride + c, stride, Full<float>{}, kLanes<float>,
                              turned + c * kPairs + r, kPairs);
    }
  }
  __builtin_memcpy(y, turned, sizeof turned);
}

// Pairs of the rows of `x`, which are steps of k: pairs [16, 32].
template <class Rounding>
inline void pair_steps(int64_t steps, int64_t columns, const float* x, int64_t stride, float* pairs) {
  for (int64_t r = 0; r < kPairs; ++r) {
    const int64_t first = 2 * r < steps ? columns : 0, second = 2 * r + 1 < steps ? columns : 0;
    const float* row = x + (first ? 2 * r * stride : 0);
    pair_rows<Rounding>(row, first, row + (second ? stride : 0), second, pairs + r * kTileSide);
  }
}

// One block from rows (of A, or columns of B stored transposed) by steps of k: to [32, 32].
template <class Rounding>
inline void round_rows(int64_t rows, int64_t steps, const float* x, int64_t stride, uint16_t* to) {
  for (int64_t r = 0; r < kTileSide; ++r) round_row<Rounding>(r < rows ? x + r * stride : x, r < rows ? steps : 0, to + r * kTileSide);
}

// f(i, rows, p, steps, to) for each block. `steps_outside`: where steps of k are rows in memory, it is read along these.
template <class F>
inline void for_blocks(bool steps_outside, int64_t rows, int64_t k, uint16_t* packed, F&& f) {
  const int64_t depth = (k + kTileSide - 1) / kTileSide;
  const auto block = [&](int64_t i, int64_t p) {
    f(i, rows - i < kTileSide ? rows - i : kTileSide, p, k - p < kTileSide ? k - p : kTileSide,
      packed + (i / kTileSide * depth + p / kTileSide) * kTileBlock);
  };
  if (steps_outside) {
    for (int64_t p = 0; p < k; p += kTileSide) {
      for (int64_t i = 0; i < rows; i += kTileSide) block(i, p);
    }
  } else {
    for (int64_t i = 0; i < rows; i += kTileSide) {
      for (int64_t p = 0; p < k; p += kTileSide) block(i, p);
    }
  }
}

// Of a narrow part of wide rows, as a head of attention is, the processor fetches nothing ahead by itself: the block after the next
// one along these rows, which may belong to the next head. (Inlined by force: GCC 12 takes a function of prefetches alone for one
// without effect, and drops the call.)
constexpr int64_t kNarrow = 256;
[[gnu::always_inline]] inline void fetch_ahead(int64_t columns, const float* x, int64_t rows, int64_t stride) {
  if (columns > kNarrow || columns == stride) return;
  x += 2 * kTileSide;
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    __builtin_prefetch(x);
    __builtin_prefetch(x + kPairs);
  }
}

// Tiles of A: 16 rows of 32 steps.
template <class Rounding>
inline void pack_tiles_a(bool transpose, int64_t m, int64_t k, const float* a, int64_t lda, uint16_t* packed) {
  for_blocks(transpose, m, k, packed, [&](int64_t i, int64_t rows, int64_t p, int64_t steps, uint16_t* to) {
    if (transpose) {
      alignas(64) float pairs[kPairs * kTileSide];
      fetch_ahead(m, a + p * lda + i, steps, lda);
      pair_steps<Rounding>(steps, rows, a + p * lda + i, lda, pairs);
      for (int64_t tile = 0; tile < 2; ++tile) transpose_pairs(pairs + tile * kPairs, kTileSide, to + tile * kTile);
    } else {
      fetch_ahead(k, a + i * lda + p, rows, lda);
      round_rows<Rounding>(rows, steps, a + i * lda + p, lda, to);
    }
  });
}

inline void unpack_tiles_a(int64_t m, int64_t k, const uint16_t* packed, float* rows, int64_t stride) {
  for (int64_t i = 0; i < m; ++i) {
    const uint16_t* from = packed + i / kTileSide * k * kTileSide + i % kTileSide * kTileSide;
    for (int64_t p = 0; p < k; p += kTileSide, from += kTileBlock) {
      for (int64_t j = 0; j < kTileSide; j += kLanes<float>) {
        store(rows + i * stride + p + j, reinterpret_cast<Vector<float>>(widen<float>(from + j) << 16));
      }
    }
  }
}

// Tiles of B: 16 rows of the pairs of 16 columns.
template <class Rounding>
inline void pack_tiles_b(bool transpose, int64_t n, int64_t k, const float* b, int64_t ldb, uint16_t* packed) {
  for_blocks(!transpose, n, k, packed, [&](int64_t j, int64_t columns, int64_t p, int64_t steps, uint16_t* to) {
    alignas(64) float pairs[kPairs * kTileSide];
    if (transpose) {
      alignas(64) uint16_t rounded[kTileBlock];
      fetch_ahead(k, b + j * ldb + p, columns, ldb);
      round_rows<Rounding>(columns, steps, b + j * ldb + p, ldb, rounded);
      __builtin_memcpy(pairs, rounded, sizeof pairs);  // [32 columns, 16 pairs]
      for (int64_t tile = 0; tile < 2; ++tile) transpose_pairs(pairs + tile * kPairs * kPairs, kPairs, to + tile * kTile);
    } else {
      fetch_ahead(n, b + p * ldb + j, steps, ldb);
      pair_steps<Rounding>(steps, columns, b + p * ldb + j, ldb, pairs);
      for (int64_t r = 0; r < 2 * kPairs; ++r) {
        __builtin_memcpy(to + r % 2 * kTile + r / 2 * kTileSide, pairs + r * kPairs, kPairs * sizeof(float));
      }
    }
  });
}

// A block of C whose sums are not yet in it.
struct OpenBlock {
  int64_t rows = 0, columns = 0;
  const float* bias = nullptr;
  const Epilogue<float>* epilogue = nullptr;
  float* c = nullptr;
  int64_t ldc = 0;
};

template <bool kAccumulate, bool kRelu>
void finish_rows(const OpenBlock& block, const float* sums) {
  const float* bias = block.bias;
  float* c = block.c;
  const auto row = [&](int64_t i, auto lanes) {
    Vector<float> value = lanes.load(sums + i);
    if (bias) value += lanes.load(bias + i);
    if (kAccumulate) value += lanes.load(c + i);
    if (kRelu) value = value < 0.0f ? Vector<float>{} : value;
    lanes.store(c + i, value);
  };
  if (block.columns == kTileSide) {
    for (int64_t r = 0; r < block.rows; ++r, sums += kTileSide, c += block.ldc) {
#pragma GCC unroll 8
      for (int64_t i = 0; i < kTileSide; i += kLanes<float>) row(i, Full<float>{});
    }
  } else {
    for (int64_t r = 0; r < block.rows; ++r, sums += kTileSide, c += block.ldc) for_vectors<float>(block.columns, row);
  }
}

inline void finish_tiles(const OpenBlock& block, const float* sums) {
  if (block.rows == 0) return;
  const bool accumulate = block.epilogue->accumulate, relu = block.epilogue->relu;
  if (accumulate && relu) finish_rows<true, true>(block, sums);
  else if (accumulate) finish_rows<true, false>(block, sums);
  else if (relu) finish_rows<false, true>(block, sums);
  else finish_rows<false, false>(block, sums);
}

// Brings a block of C into the cache, to be written: it is as long under way as a few products of tiles take. Rows that would
// push each other out of the first-level cache come into the second. (Inlined by force, as fetch_ahead.)
[[gnu::always_inline]] inline void fetch_block(const float* c, int64_t rows, int64_t ldc) {
  if (ldc % 512 == 0) {
    for (int64_t r = 0; r < rows; ++r, c += ldc) {
      __builtin_prefetch(c, 0, 2);
      __builtin_prefetch(c + kPairs, 0, 2);
    }
  } else {
    for (int64_t r = 0; r < rows; ++r, c += ldc) {
      __builtin_prefetch(c, 1);
      __builtin_prefetch(c + kPairs, 1);
    }
  }
}

// What is left to do with the sums of a block waits for the next block to be under way: the sums have then left the tiles.
template <class Tiles>
void multiply_tiles(const TileProduct* products, int64_t count) {
  const typename Tiles::Session session;
  alignas(64) float sums[2][kTileBlock];
  OpenBlock open;
  int turn = 0;
  for (const TileProduct* x = products; x != products + count; ++x) {
    const int64_t depth = (x->k + kTileSide - 1) / kTileSide;
    const bool plain = !x->epilogue.bias && !x->epilogue.accumulate && !x->epilogue.relu;
    for (int64_t i = 0; i < x->m; i += kTileSide) {
      const uint16_t* rows_of_a = x->a + i / kTileSide * depth * kTileBlock;
      const int64_t left = x->m - i, rows = left < kTileSide ? left : kTileSide;
      for (int64_t j = 0; j < x->n; j += kTileSide) {
        const uint16_t* columns_of_b = x->b + j / kTileSide * depth * kTileBlock;
        const int64_t columns = x->n - j < kTileSide ? x->n - j : kTileSide;
        float* c = x->c + i * x->ldc + j;
        if (j + kTileSide < x->n) {
          fetch_block(c + kTileSide, rows, x->ldc);
        } else if (left > kTileSide) {
          fetch_block(x->c + (i + kTileSide) * x->ldc, left < 2 * kTileSide ? left - kTileSide : kTileSide, x->ldc);
        } else if (x + 1 != products + count) {
          fetch_block(x[1].c, x[1].m < kTileSide ? x[1].m : kTileSide, x[1].ldc);
        }
        Tiles tiles;
        tiles.add(rows_of_a, columns_of_b, depth);
        if (plain && rows == kTileSide && columns == kTileSide) {
          tiles.store(c, x->ldc);
          continue;
        }
        tiles.store(sums[turn], kTileSide);
        finish_tiles(open, sums[1 - turn]);
        open = {rows, columns, x->epilogue.bias ? x->epilogue.bias + j : nullptr, &x->epilogue, c, x->ldc};
        turn = 1 - turn;
      }
    }
  }
  finish_tiles(open, sums[1 - turn]);
}

template <class Tiles>
int64_t tile_peak(int64_t repeats, float* sink) {
  alignas(64) uint16_t operand[kTileBlock] = {};
  alignas(64) float sums[kTileBlock];
  const typename Tiles::Session session;
  Tiles tiles;
  tiles.load(operand, operand);
  for (int64_t r = 0; r < repeats; ++r) tiles.multiply();
  tiles.store(sums, kTileSide);
  sink[0] += sums[0];
  return repeats * 2 * kTileBlock * kTileSide;
}

template <class Tiles, class Rounding>
constexpr TileKernels tile_kernels() {
  return {pack_tiles_a<Rounding>, pack_tiles_b<Rounding>, unpack_tiles_a, multiply_tiles<Tiles>, tile_peak<Tiles>};
}

}  // namespace tensor::kernels::GENREC_ISA
