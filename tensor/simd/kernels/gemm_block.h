// The register block of a matrix product: C[R, V vectors] = A[R, k] B[k, V vectors], all sums in registers, in the order of
// k: an element of C is the same bits whatever block it falls into.
#pragma once

#include "tensor/simd/kernels/vector.h"
#include "tensor/simd/table.h"

namespace tensor::kernels::GENREC_ISA {

// Element (r, p) of A: rows at distance lda, or, transposed, columns at distance lda. B: k rows at distance ldb of V whole
// vectors. C and the bias: only `columns` of them.
template <class T>
struct BlockArguments {
  int64_t k;
  const T* a;
  int64_t lda;
  const T* b;
  int64_t ldb;
  T* c;
  int64_t ldc;
  int64_t columns;
  int64_t ahead = 0;         // elements of B between what is used and what is fetched into the cache for later; 0: nothing is
  const T* start = nullptr;  // rows of whole vectors that the sums go on from, 0 without it
  int64_t start_stride = 0;
};

template <class T, int R, int V, class Lanes>
[[gnu::always_inline]] inline void finish_column(Vector<T> (&sum)[R][V], int v, const BlockArguments<T>& block,
                                                 const Epilogue<T>& epilogue, Lanes lanes) {
  T* c = block.c + v * kLanes<T>;
  if (epilogue.bias) {
    const Vector<T> bias = lanes.load(epilogue.bias + v * kLanes<T>);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r][v] += bias;
  }
  if (epilogue.accumulate) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r][v] += lanes.load(c + r * block.ldc);
  }
  if (epilogue.relu) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r][v] = sum[r][v] < T{0} ? Vector<T>{} : sum[r][v];
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) lanes.store(c + r * block.ldc, sum[r][v]);
}

// The rows of a full block whose multiply-add takes its element of A from memory, in place of an instruction before it: a third of
// them. That is fewer instructions, which count where the core is shared, and not too many loads, as a row of two vectors then loads
// its element twice.
template <int R, int V>
constexpr bool multiplies_from_memory(int r) {
  return R == 12 && V == 2 && r % 3 == 0;
}

// kAhead: fetches B for later, too.
template <class T, int R, int V, bool kTransposed, bool kAhead>
void multiply_block(const BlockArguments<T>& block, const Epilogue<T>& epilogue) {
  const int64_t lda = block.lda, ldb = block.ldb, ahead = block.ahead;
  const T* a = block.a;
  const T* b = block.b;
  if constexpr (R >= 4) {  // C is written k steps later
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      __builtin_prefetch(block.c + r * block.ldc, 1);
      if (V * kVectorBytes > 64) __builtin_prefetch(block.c + r * block.ldc + 64 / sizeof(T), 1);
    }
  }
  Vector<T> sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      sum[r][v] = block.start ? load(block.start + r * block.start_stride + v * kLanes<T>) : Vector<T>{};
    }
  }
  for (int64_t p = block.k; p > 0; --p) {
    if constexpr (kAhead) __builtin_prefetch(b + ahead, 0, 2);  // the cache brings the neighbouring line with it
    Vector<T> row[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes<T>);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const T& x = kTransposed ? a[r] : a[r * lda];
      if (multiplies_from_memory<R, V>(r)) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) multiply_add(sum[r][v], row[v], &x);
      } else {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) multiply_add(sum[r][v], row[v], x);
      }
    }
    a += kTransposed ? lda : 1;
    b += ldb;
  }
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const int64_t left = block.columns - v * kLanes<T>;
    if (left >= kLanes<T>) {
      finish_column<T, R, V>(sum, v, block, epilogue, Full<T>{});
    } else if (left > 0) {
      finish_column<T, R, V>(sum, v, block, epilogue, Part<T>{left});
    }
  }
}

// The largest block of at most `rows` rows; returns its height.
template <class T, int V, bool kTransposed, bool kAhead>
inline int64_t multiply_some_rows(int64_t rows, const BlockArguments<T>& block, const Epilogue<T>& epilogue) {
  if (rows >= kBlockRows) return multiply_block<T, kBlockRows, V, kTransposed, kAhead>(block, epilogue), kBlockRows;
  if constexpr (kBlockRows > 8) {
    if (rows >= 8) return multiply_block<T, 8, V, kTransposed, kAhead>(block, epilogue), 8;
  }
  if (rows >= 4) return multiply_block<T, 4, V, kTransposed, kAhead>(block, epilogue), 4;
  if (rows >= 2) return multiply_block<T, 2, V, kTransposed, kAhead>(block, epilogue), 2;
  return multiply_block<T, 1, V, kTransposed, kAhead>(block, epilogue), 1;
}

template <class T, bool kAhead>
inline auto block_for(bool transposed, bool narrow) {
  return transposed ? (narrow ? multiply_some_rows<T, 1, true, kAhead> : multiply_some_rows<T, 2, true, kAhead>)
                    : (narrow ? multiply_some_rows<T, 1, false, kAhead> : multiply_some_rows<T, 2, false, kAhead>);
}

// All of `rows` rows against one panel of B.
template <class T>
inline void multiply_rows(bool transposed, int64_t rows, BlockArguments<T> block, const Epilogue<T>& epilogue) {
  const bool narrow = block.columns <= kLanes<T>;
  const auto some = block.ahead > 0 ? block_for<T, true>(transposed, narrow) : block_for<T, false>(transposed, narrow);
  while (rows > 0) {
    const int64_t done = some(rows, block, epilogue);
    rows -= done;
    block.a += transposed ? done : done * block.lda;
    block.c += done * block.ldc;
    if (block.start) block.start += done * block.start_stride;
  }
}

}  // namespace tensor::kernels::GENREC_ISA
