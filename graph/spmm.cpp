#include "graph/spmm.h"

#include <algorithm>
#include <vector>

#include "autograd/op.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace graph {

using autograd::Var;

namespace spmm_kernels {

// First row r at which r + offsets[r], the work before it, reaches `work`.
static int64_t row_at(const int32_t* offsets, int64_t rows, int64_t work) {
  int64_t low = 0, high = rows;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (middle + offsets[middle] < work) low = middle + 1;
    else high = middle;
  }
  return low;
}

template <class T>
static void multiply_rows(const Csr& a, int64_t begin, int64_t end, const T* x, int64_t columns, T* y) {
  const int32_t *offsets = a.offsets.data<int32_t>(), *indices = a.indices.data<int32_t>();
  const T* weights = nullptr;  // of the entries from offsets[begin] on
  std::vector<T> converted;
  if (a.values.defined()) {
    const float* values = a.values.data<float>() + offsets[begin];
    if constexpr (std::is_same_v<T, float>) {
      weights = values;
    } else {
      converted.assign(values, values + (offsets[end] - offsets[begin]));
      weights = converted.data();
    }
  }
  for (int64_t r = begin; r < end; ++r) {
    const int32_t first = offsets[r], count = offsets[r + 1] - first;
    tensor::simd<T>().gather_sum(indices + first, weights ? weights + (first - offsets[begin]) : nullptr, count, x, columns,
                                 y + r * columns);
  }
}

static void forward_cpu(const Csr& a, const Tensor& x, Tensor& y) {
  constexpr int64_t kElements = 1 << 16;  // gathered by one piece of the loop
  tensor::count_work(0, static_cast<double>(a.entries() * x.columns() - x.size()) * tensor::size_of(x.dtype()));  // x: gathered
  tensor::for_real(x.dtype(), "spmm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = x.columns(), grain = std::max<int64_t>(1, kElements / std::max<int64_t>(1, columns));
    const int32_t* offsets = a.offsets.data<int32_t>();
    // Pieces hold the same number of rows plus entries, so that a few popular rows do not make one piece long.
    tensor::parallel_for(a.rows + a.entries(), grain, [&](int64_t begin, int64_t end) {
      multiply_rows(a, row_at(offsets, a.rows, begin), row_at(offsets, a.rows, end), x.data<T>(), columns, y.data<T>());
    });
  });
}

constinit decltype(forward) forward{"spmm.forward", forward_cpu};

}  // namespace spmm_kernels

static std::vector<autograd::Sample> spmm_samples(tensor::Generator& rng) {
  // Row 1 is empty, row 2 repeats column 0, column 3 is used by nobody.
  const std::vector<Pair> pairs{{3, 4}, {0, 2}, {2, 0}, {2, 0}, {2, 1}, {3, 0}, {0, 0}};
  std::vector<float> values(pairs.size());
  for (float& value : values) value = static_cast<float>(rng.normal());
  const SparseMatrix plain = with_transpose(csr_from_pairs(4, 5, pairs, Duplicates::keep));
  const SparseMatrix weighted = with_transpose(csr_from_pairs(4, 5, pairs, Duplicates::keep, values));
  // One edge and one node without neighbours.
  const SparseMatrix isolated = with_transpose(csr_from_pairs(3, 3, std::vector<Pair>{{0, 2}, {2, 0}}));
  std::vector<autograd::Sample> result;
  for (const SparseMatrix& a : {plain, weighted, isolated}) {
    result.push_back({{autograd::random_tensor({a.forward.columns, 3}, rng)},
                      [a](const autograd::Inputs& in) { return spmm(a, in[0]); }});
  }
  return result;
}
static const autograd::Op spmm_op("spmm", spmm_samples);

Var spmm(const SparseMatrix& a, const Var& x) {
  tensor::require(x.shape().rank() == 2 && x.rows() == a.forward.columns, "spmm: the matrix is [", a.forward.rows, ",",
                  a.forward.columns, "], x is ", x.shape(), "; x needs one row for each column of the matrix");
  const auto product = [](const Csr& matrix, const Tensor& right) {
    Tensor y({matrix.rows, right.columns()}, right.dtype(), right.device());
    spmm_kernels::forward(matrix, right, y);
    return y;
  };
  return autograd::record(spmm_op, {x}, product(a.forward, x.value()),
                          [product, transposed = a.transposed](const Tensor& dy, autograd::Wanted) -> autograd::Gradients {
                            return {product(transposed, dy)};
                          });
}

}  // namespace graph
