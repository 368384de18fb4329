#include "genrec/features.h"

#include <algorithm>

namespace genrec {

using tensor::Tensor;

Tensor concatenated_features(const Dataset& dataset) {
  int64_t width = 0;
  for (const auto& [name, modality] : dataset.features) width += modality.dim();
  if (width == 0) return {};
  Tensor all({dataset.item_count(), width});
  int64_t column = 0;
  for (const auto& [name, modality] : dataset.features) {
    const int64_t dim = modality.dim();
    for (int64_t i = 0; i < dataset.item_count(); ++i) {
      std::copy_n(modality.values.data<float>() + i * dim, dim, all.data<float>() + i * width + column);
    }
    column += dim;
  }
  return all;
}

graph::SparseMatrix interaction_matrix(const Dataset& dataset, graph::Normalisation normalisation) {
  std::vector<graph::Pair> edges;
  for (int64_t user = 0; user < dataset.users(); ++user) {
    for (int32_t item : dataset.train_items(user)) edges.push_back({static_cast<int32_t>(user), item});
  }
  return graph::bipartite_matrix(dataset.users(), dataset.item_count(), edges, normalisation);
}

}  // namespace genrec
