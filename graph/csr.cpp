#include "graph/csr.h"

#include <limits>
#include <vector>

namespace graph {

using tensor::DType;
using tensor::Fault;
using tensor::require;

namespace {

constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();

void require_sizes(int64_t rows, int64_t columns, int64_t entries) {
  require(rows >= 0 && columns >= 0, "csr: sizes must not be negative, got [", rows, ",", columns, "]");
  require(Fault::resources, rows < kLargest && columns < kLargest && entries < kLargest, "csr: [", rows, ",", columns,
          "] with ", entries, " entries does not fit 32-bit indices; at most ", kLargest - 1, " of each are possible");
}

// Stable counting sort: entry e goes to row key(e) and holds column other(e).
template <class Key, class Other, class Value>
Csr bucket(int64_t rows, int64_t columns, int64_t entries, Key key, Other other, bool with_values, Value value) {
  Csr a{rows, columns, Tensor::zeros({rows + 1}, DType::i32), Tensor({entries}, DType::i32), {}};
  if (with_values) a.values = Tensor({entries});
  int32_t* offsets = a.offsets.data<int32_t>();
  for (int64_t e = 0; e < entries; ++e) ++offsets[key(e) + 1];
  for (int64_t r = 0; r < rows; ++r) offsets[r + 1] += offsets[r];
  std::vector<int32_t> next(offsets, offsets + rows);
  int32_t* indices = a.indices.data<int32_t>();
  float* values = with_values ? a.values.data<float>() : nullptr;
  for (int64_t e = 0; e < entries; ++e) {
    const int32_t at = next[key(e)]++;
    indices[at] = static_cast<int32_t>(other(e));
    if (values) values[at] = value(e);
  }
  return a;
}

Csr merge_duplicates(const Csr& a) {
  const int32_t *offsets = a.offsets.data<int32_t>(), *indices = a.indices.data<int32_t>();
  const float* values = a.values.defined() ? a.values.data<float>() : nullptr;
  std::vector<int32_t> merged_offsets{0}, merged_indices;
  std::vector<float> merged_values;
  for (int64_t r = 0; r < a.rows; ++r) {
    for (int32_t e = offsets[r]; e < offsets[r + 1]; ++e) {
      const bool repeated = e > offsets[r] && indices[e] == indices[e - 1];
      if (!repeated) merged_indices.push_back(indices[e]);
      if (!values) continue;
      if (repeated) merged_values.back() += values[e];
      else merged_values.push_back(values[e]);
    }
    merged_offsets.push_back(static_cast<int32_t>(merged_indices.size()));
  }
  return {a.rows, a.columns, Tensor::from(merged_offsets), Tensor::from(merged_indices),
          values ? Tensor::from(merged_values) : Tensor()};
}

}  // namespace

Csr Csr::to(tensor::Device device) const {
  return {rows, columns, offsets.to(device), indices.to(device), values.defined() ? values.to(device) : Tensor()};
}

Csr csr_from_pairs(int64_t rows, int64_t columns, std::span<const Pair> pairs, Duplicates duplicates,
                   std::span<const float> values) {
  const int64_t entries = static_cast<int64_t>(pairs.size());
  require_sizes(rows, columns, entries);
  require(values.empty() || values.size() == pairs.size(), "csr: ", pairs.size(), " pairs and ", values.size(),
          " values; give one value per pair, or none");
  for (int64_t e = 0; e < entries; ++e) {
    const Pair& p = pairs[e];
    require(Fault::bad_data, p.row >= 0 && p.row < rows && p.column >= 0 && p.column < columns, "csr: pair ", e, " is (",
            p.row, ",", p.column, "), outside of the matrix [", rows, ",", columns, "]; ids count from 0");
  }
  const Csr by_column = bucket(
      columns, rows, entries, [&](int64_t e) { return pairs[e].column; }, [&](int64_t e) { return pairs[e].row; },
      !values.empty(), [&](int64_t e) { return values[e]; });
  const Csr a = transpose(by_column);
  return duplicates == Duplicates::merge ? merge_duplicates(a) : a;
}

Csr transpose(const Csr& a) {
  std::vector<int32_t> row_of(a.entries());
  const int32_t *offsets = a.offsets.data<int32_t>(), *indices = a.indices.data<int32_t>();
  for (int64_t r = 0; r < a.rows; ++r) std::fill(row_of.begin() + offsets[r], row_of.begin() + offsets[r + 1], r);
  const float* values = a.values.defined() ? a.values.data<float>() : nullptr;
  return bucket(
      a.columns, a.rows, a.entries(), [&](int64_t e) { return indices[e]; }, [&](int64_t e) { return row_of[e]; },
      values != nullptr, [&](int64_t e) { return values[e]; });
}

SparseMatrix with_transpose(const Csr& a) { return {a, transpose(a)}; }

void validate(const Csr& a) {
  require_sizes(a.rows, a.columns, a.entries());
  require(a.offsets.size() == a.rows + 1, "csr: ", a.rows, " rows need ", a.rows + 1, " offsets, got ", a.offsets.size());
  require(!a.values.defined() || a.values.size() == a.entries(), "csr: ", a.entries(), " entries and ",
          a.values.size(), " values");
  const int32_t *offsets = a.offsets.data<int32_t>(), *indices = a.indices.data<int32_t>();
  require(Fault::bad_data, offsets[0] == 0 && offsets[a.rows] == a.entries(), "csr: offsets run from ", offsets[0], " to ",
          offsets[a.rows], "; they must run from 0 to the number of entries, ", a.entries());
  for (int64_t r = 0; r < a.rows; ++r) {
    require(Fault::bad_data, offsets[r] <= offsets[r + 1] && offsets[r + 1] <= a.entries(), "csr: row ", r, " has offsets ",
            offsets[r], " and ", offsets[r + 1], "; offsets must ascend");
    for (int32_t e = offsets[r]; e < offsets[r + 1]; ++e) {
      require(Fault::bad_data, indices[e] >= 0 && indices[e] < a.columns, "csr: row ", r, " has column ", indices[e],
              ", but the matrix has ", a.columns, " columns");
      require(Fault::bad_data, e == offsets[r] || indices[e - 1] <= indices[e], "csr: row ", r, " has column ", indices[e],
              " after ", indices[e > 0 ? e - 1 : 0], "; columns must ascend");
    }
  }
}

}  // namespace graph
