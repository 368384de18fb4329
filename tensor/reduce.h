// Sums without a derivative of their own: over the rows of a matrix (the gradient of what was broadcast over rows), and of
// single numbers over the steps of a loop.
#pragma once

#include "tensor/kernel.h"
#include "tensor/divide.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace tensor {

// sums[j] = sum over i of x[i,j]
extern Kernel<void(const Tensor& x, Tensor& sums)> column_sums;

// sums[index] += x, for x of one element and f64 sums on its device.
extern Kernel<void(const Tensor& x, int64_t index, Tensor& sums)> accumulate;

// For CPU kernels that make the rows they sum: calls add_rows(begin, end, part) for pieces of a fixed number of rows, a
// multiple of 8, each with a zeroed part [columns] of its own, and adds the parts in order.
template <class T, class F>
void sum_row_pieces(int64_t rows, int64_t columns, T* sums, F&& add_rows) {
  const int64_t grain = std::max<int64_t>(64, (1 << 15) / std::max<int64_t>(1, columns) / 8 * 8);
  const int64_t pieces = std::max<int64_t>(1, ceil_div(rows, grain));
  Tensor memory({pieces > 1 ? pieces : 0, columns}, dtype_of<T>);
  T* parts = pieces > 1 ? memory.data<T>() : sums;
  if (rows == 0) std::fill(sums, sums + columns, T{0});
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    T* part = parts + begin / grain * columns;
    std::fill(part, part + columns, T{0});
    add_rows(begin, end, part);
  });
  if (pieces == 1) return;
  parallel_for(columns, 256, [&](int64_t begin, int64_t end) {
    std::copy(parts + begin, parts + end, sums + begin);
    for (int64_t p = 1; p < pieces; ++p) {
      simd<T>().add(sums + begin, parts + p * columns + begin, sums + begin, end - begin);
    }
  });
}

}  // namespace tensor
