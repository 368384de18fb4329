// Items with two views that share structure: what tests of identifiers learn from.
#pragma once

#include <algorithm>
#include <cmath>

#include "genrec/data/dataset.h"
#include "tensor/random.h"

namespace tests {

// Features textual [items, 64] and visual [items, 48] of unit variance: Zipf-distributed clusters, for 60 % of the items the same
// in both views, and four factors within the clusters, of which two are the same in both views. No interactions.
inline genrec::Dataset planted_items(int64_t items, int64_t clusters, uint64_t seed = 1) {
  constexpr int64_t kFactors = 2;
  constexpr double kWithin = 0.3;  // variance within clusters
  const tensor::Random random(seed, "planted-items");
  genrec::Dataset dataset;
  uint64_t draw = 0;
  const auto normals = [&](int64_t rows, int64_t columns) {
    std::vector<double> x(rows * columns);
    for (double& value : x) value = random.normal(draw++);
    return x;
  };
  std::vector<double> shares(clusters);  // cumulated
  for (int64_t c = 0; c < clusters; ++c) shares[c] = (c > 0 ? shares[c - 1] : 0) + 1.0 / static_cast<double>(c + 1);
  const auto draw_cluster = [&] {
    return std::lower_bound(shares.begin(), shares.end() - 1, random.uniform(draw++) * shares.back()) - shares.begin();
  };
  const std::vector<double> factors = normals(items, kFactors);
  std::vector<int64_t> shared(items);
  for (int64_t i = 0; i < items; ++i) {
    dataset.item_ids.push_back("item" + std::to_string(i));
    shared[i] = draw_cluster();
  }
  for (const auto& [name, width] : {std::pair<const char*, int64_t>{"textual", 64}, {"visual", 48}}) {
    const std::vector<double> centers = normals(clusters, width), directions = normals(2 * kFactors, width);
    const std::vector<double> own_factors = normals(items, kFactors);
    genrec::Modality& modality = dataset.features[name];
    modality.values = tensor::Tensor({items, width});
    modality.present.assign(items, 1);
    for (int64_t i = 0; i < items; ++i) {
      const int64_t cluster = random.uniform(draw++) > 0.6 ? draw_cluster() : shared[i];
      for (int64_t j = 0; j < width; ++j) {
        double x = 0;
        for (int64_t f = 0; f < kFactors; ++f) {
          x += factors[i * kFactors + f] * directions[f * width + j];
          x += own_factors[i * kFactors + f] * directions[(kFactors + f) * width + j];
        }
        x *= std::sqrt(kWithin / (2.0 * kFactors));
        modality.values.data<float>()[i * width + j] = static_cast<float>(std::sqrt(1 - kWithin) * centers[cluster * width + j] + x);
      }
    }
  }
  return dataset;
}

}  // namespace tests
