// The description of a matrix product and of parts of it, and memory for packing: what gemm.cpp, tile_product.cpp and
// attention.cpp share.
#pragma once

#include <memory>
#include <new>
#include <type_traits>

#include "tensor/divide.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace tensor {

// Memory that grows and stays, one per thread and use.
template <class T>
class Scratch {
 public:
  T* get(int64_t count) {
    if (count > capacity_) {
      data_.reset();
      capacity_ = 0;
      data_.reset(static_cast<T*>(::operator new(static_cast<size_t>(count) * sizeof(T), kAlignment)));
      capacity_ = count;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<T, Free> data_;
  int64_t capacity_ = 0;
};

// As in tensor::gemm. `rounded`: both inputs are rounded to bf16 first.
template <class T>
struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const T* a;
  int64_t lda;
  const T* b;
  int64_t ldb;
  T* c;
  int64_t ldc;
  Epilogue<T> epilogue;
  bool rounded = false;

  // The part that makes rows [i, i + rows) and columns [j, j + columns) of C from [p, p + depth) of k.
  Product part(int64_t i, int64_t rows, int64_t j, int64_t columns, int64_t p, int64_t depth) const {
    Product r = *this;
    r.m = rows, r.n = columns, r.k = depth;
    r.a += transpose_a ? p * lda + i : i * lda + p;
    r.b += transpose_b ? j * ldb + p : p * ldb + j;
    r.c += i * ldc + j;
    if (p == 0) {
      if (r.epilogue.bias) r.epilogue.bias += j;
    } else {
      r.epilogue.bias = nullptr;
      r.epilogue.accumulate = true;
    }
    r.epilogue.relu = epilogue.relu && p + depth >= k;
    return r;
  }
  Product block(int64_t i, int64_t rows, int64_t j, int64_t columns) const { return part(i, rows, j, columns, 0, k); }
};

// Whether products of T in that precision round: those of double never do.
template <class T>
constexpr bool rounds(Precision precision) {
  return std::is_same_v<T, float> && precision == Precision::bf16;
}

// Memory of the thread for rounded copies, valid until its next call.
template <class T>
T* rounding_memory(int64_t count) {
  thread_local Scratch<T> scratch;
  return scratch.get(count);
}

// The rows of a matrix, rounded. Returns their distance: consecutive rows of a wide one fall into different cache sets.
template <class T>
int64_t rounded_copy(int64_t rows, int64_t columns, const T* x, int64_t stride, T* to) {
  const int64_t to_stride = round_up(columns, 16) + 16;
  for (int64_t i = 0; i < rows; ++i) simd<T>().round_bf16(x + i * stride, to + i * to_stride, columns);
  return to_stride;
}
constexpr int64_t rounded_size(int64_t rows, int64_t columns) { return rows * (round_up(columns, 16) + 16); }

constexpr int64_t kSplitK = 2048;  // longer sums of a weight gradient are split

// The end of a split product: c = the sum of `pieces` matrices [m, n] in `partial`, in order, and the epilogue. partial is
// changed.
template <class T>
void add_pieces(const Product<T>& x, int64_t pieces, T* partial) {
  const Simd<T>& table = simd<T>();
  const int64_t size = x.m * x.n;
  parallel_for(x.m, std::max<int64_t>(1, 65536 / (pieces * x.n)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* first = partial + i * x.n;
      T* row = x.c + i * x.ldc;
      for (int64_t piece = 1; piece < pieces; ++piece) table.add(first, first + piece * size, first, x.n);
      if (x.epilogue.bias) table.add(first, x.epilogue.bias, first, x.n);
      if (x.epilogue.accumulate) table.add(first, row, first, x.n);
      x.epilogue.relu ? table.relu(first, row, x.n) : table.scale(1, first, row, x.n);
    }
  });
}

}  // namespace tensor
