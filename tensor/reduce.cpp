#include "tensor/reduce.h"

namespace tensor {

static void column_sums_cpu(const Tensor& x, Tensor& sums) {
  for_real(x.dtype(), "column_sums", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = x.columns();
    const T* px = x.data<T>();
    sum_row_pieces(x.rows(), columns, sums.data<T>(), [&](int64_t begin, int64_t end, T* part) {
      for (int64_t i = begin; i < end; ++i) simd<T>().add(part, px + i * columns, part, columns);
    });
  });
}

static void accumulate_cpu(const Tensor& x, int64_t index, Tensor& sums) { sums.span<double>()[index] += x.item(); }

constinit decltype(column_sums) column_sums{"column_sums", column_sums_cpu};
constinit decltype(accumulate) accumulate{"accumulate", accumulate_cpu};

}  // namespace tensor
