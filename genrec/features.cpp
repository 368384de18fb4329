#include "genrec/features.h"

#include <algorithm>
#include <cmath>

namespace genrec {

using tensor::Tensor;

namespace {

// Every column to mean 0 and variance 1 / columns; a constant column becomes 0.
void standardize(Tensor& x) {
  const int64_t rows = x.rows(), columns = x.columns();
  float* p = x.data<float>();
  for (int64_t c = 0; c < columns; ++c) {
    double mean = 0, variance = 0;
    for (int64_t r = 0; r < rows; ++r) mean += p[r * columns + c];
    mean /= static_cast<double>(rows);
    for (int64_t r = 0; r < rows; ++r) variance += (p[r * columns + c] - mean) * (p[r * columns + c] - mean);
    variance /= static_cast<double>(rows);
    const double scale = variance > 0 ? 1 / std::sqrt(variance * static_cast<double>(columns)) : 0;
    for (int64_t r = 0; r < rows; ++r) p[r * columns + c] = static_cast<float>((p[r * columns + c] - mean) * scale);
  }
}

}  // namespace

Tensor scaled_features(const Modality& modality, FeatureScaling scaling) {
  if (scaling == FeatureScaling::none) return modality.values.to(tensor::default_device());
  Tensor scaled = modality.values.clone();
  standardize(scaled);
  return scaled.to(tensor::default_device());
}

Tensor concatenated_features(const Dataset& dataset, FeatureScaling scaling) {
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
  if (scaling == FeatureScaling::standardize) standardize(all);
  return all.to(tensor::default_device());
}

graph::SparseMatrix interaction_matrix(const Dataset& dataset, graph::Normalisation normalisation) {
  std::vector<graph::Pair> edges;
  for (int64_t user = 0; user < dataset.users(); ++user) {
    for (int32_t item : dataset.train_items(user)) edges.push_back({static_cast<int32_t>(user), item});
  }
  return graph::bipartite_matrix(dataset.users(), dataset.item_count(), edges, normalisation);
}

}  // namespace genrec
