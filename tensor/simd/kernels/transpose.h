// Squares of a matrix transposed in registers.
#pragma once

#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

// packed[0..L)[stride] = transpose of L rows of b: L rounds of zipping the upper half of the vectors into the lower half.
template <class T, class Lanes>
inline void transpose_square(int64_t rows, const T* b, int64_t ldb, Lanes lanes, int64_t depth, T* packed, int64_t stride) {
  constexpr int n = kLanes<T>;
  Vector<T> v[n], w[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) v[i] = i < rows ? lanes.load(b + i * ldb) : Vector<T>{};
#pragma GCC unroll 4
  for (int width = 1; width < n; width *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < n / 2; ++i) {
      w[2 * i] = zip_low<T>(v[i], v[i + n / 2]);
      w[2 * i + 1] = zip_high<T>(v[i], v[i + n / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) v[i] = w[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) {
    if (i < depth) store(packed + i * stride, v[i]);
  }
}

}  // namespace tensor::kernels::GENREC_ISA
