#include "graph/bipartite.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/parallel.h"

namespace graph {

namespace {

using tensor::Fault;
using tensor::require;

Csr symmetric_pattern(int64_t users, int64_t items, std::span<const Pair> edges, bool self_loops) {
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  const int64_t nodes = users + items, entries = 2 * static_cast<int64_t>(edges.size()) + (self_loops ? nodes : 0);
  require(users >= 0 && items >= 0, "graph: sizes must not be negative, got ", users, " users, ", items, " items");
  require(Fault::resources, nodes < kLargest && entries < kLargest, "graph: ", users, " users, ", items, " items and ",
          edges.size(), " interactions do not fit 32-bit indices; at most ", kLargest - 1,
          " nodes and as many directed edges");
  std::vector<Pair> pairs;
  pairs.reserve(entries);
  for (const Pair& edge : edges) {
    require(Fault::bad_data, edge.row >= 0 && edge.row < users && edge.column >= 0 && edge.column < items,
            "graph: interaction of user ", edge.row, " with item ", edge.column, ", but there are ", users, " users and ",
            items, " items; ids count from 0");
    const int32_t item = static_cast<int32_t>(users + edge.column);
    pairs.push_back({edge.row, item});
    pairs.push_back({item, edge.row});
  }
  if (self_loops) {
    for (int32_t node = 0; node < nodes; ++node) pairs.push_back({node, node});
  }
  return csr_from_pairs(nodes, nodes, pairs);
}

// values[e] = weight(row, column) over all entries.
template <class Weight>
Tensor edge_values(const Csr& a, Weight weight) {
  Tensor values({a.entries()});
  float* v = values.data<float>();
  const int32_t *offsets = a.offsets.data<int32_t>(), *indices = a.indices.data<int32_t>();
  tensor::parallel_for(a.rows, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int32_t e = offsets[r]; e < offsets[r + 1]; ++e) v[e] = static_cast<float>(weight(r, indices[e]));
  });
  return values;
}

}  // namespace

SparseMatrix bipartite_matrix(int64_t users, int64_t items, std::span<const Pair> edges, Normalisation normalisation,
                              bool self_loops) {
  Csr a = symmetric_pattern(users, items, edges, self_loops);
  const int32_t* offsets = a.offsets.data<int32_t>();
  const auto degree = [offsets](int64_t node) { return static_cast<double>(offsets[node + 1] - offsets[node]); };
  Csr transposed = a;  // the pattern is symmetric
  switch (normalisation) {
    case Normalisation::none: break;
    case Normalisation::mean:
      a.values = edge_values(a, [&](int64_t row, int64_t) { return 1 / degree(row); });
      transposed.values = edge_values(a, [&](int64_t, int64_t column) { return 1 / degree(column); });
      break;
    case Normalisation::symmetric:
      a.values = edge_values(a, [&](int64_t row, int64_t column) { return 1 / std::sqrt(degree(row) * degree(column)); });
      transposed.values = a.values;
      break;
  }
  return {a, transposed};
}

}  // namespace graph
