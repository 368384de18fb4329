// Sparse matrices in compressed rows: building from pairs, transposing, checking. Products are in spmm.h.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace graph {

using tensor::Tensor;

// Row r holds the columns indices[offsets[r] .. offsets[r + 1]), ascending; a column may stand there more than once.
struct Csr {
  int64_t rows = 0, columns = 0;
  Tensor offsets;  // i32 [rows + 1]
  Tensor indices;  // i32 [entries]
  Tensor values;   // f32 [entries]; undefined: every entry is 1

  int64_t entries() const { return indices.size(); }
  Csr to(tensor::Device device) const;
};

// A matrix and its transpose: what a product and its gradient need. The two may share memory.
struct SparseMatrix {
  Csr forward;
  Csr transposed;

  SparseMatrix to(tensor::Device device) const { return {forward.to(device), transposed.to(device)}; }
};

struct Pair {
  int32_t row, column;
};

// merge: one entry per (row, column), which is the sum of the values, or 1 without values.
enum class Duplicates { keep, merge };

// From pairs in any order, by counting sorts. `values` is empty or has one element per pair. Duplicates stay in order.
Csr csr_from_pairs(int64_t rows, int64_t columns, std::span<const Pair> pairs, Duplicates duplicates = Duplicates::merge,
                   std::span<const float> values = {});

Csr transpose(const Csr& a);
SparseMatrix with_transpose(const Csr& a);

// Throws unless offsets ascend from 0 to the number of entries and every row's columns are in range and ascending.
void validate(const Csr& a);

}  // namespace graph
