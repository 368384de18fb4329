// Hierarchical k-means: every cluster is split into clusters again; a row's codes are its path from the top.
#pragma once

#include "quant/kmeans.h"

namespace quant {

struct HierarchicalKMeansOptions {
  std::vector<int64_t> branches{128, 128, 128};  // children of a cluster, per level
  KMeansOptions kmeans;                          // `clusters` is set per cluster; `progress` sees the first level only
};

// Codes i32 [n, levels]: the index of the child at every level. A cluster with at most as many rows as branches gives every
// row a child of its own, in order of rows. (MMGRec's variant "hkmeans".)
Tensor hierarchical_kmeans(const Tensor& x, const HierarchicalKMeansOptions& options);

}  // namespace quant
