#include "genrec/inner_product.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/gemm.h"

namespace genrec {

using tensor::Tensor;

namespace {

constexpr size_t kNeighbours = 20;

void fold_in(const Dataset& dataset, const Tensor& user_vectors, std::span<const int32_t> history, float* folded) {
  std::vector<std::pair<double, int64_t>> similar;  // minus the cosine shared / sqrt(|A| |B|), user
  for (int64_t user = 0; user < dataset.users(); ++user) {
    const auto items = dataset.train_items(user);
    int64_t shared = 0;
    for (int32_t item : items) shared += std::binary_search(history.begin(), history.end(), item);
    if (shared > 0) {
      similar.emplace_back(-static_cast<double>(shared) / std::sqrt(static_cast<double>(items.size() * history.size())), user);
    }
  }
  const size_t count = std::min(similar.size(), kNeighbours);
  std::partial_sort(similar.begin(), similar.begin() + count, similar.end());
  double total = 0;
  for (size_t n = 0; n < count; ++n) total += similar[n].first;
  const int64_t width = user_vectors.columns();
  std::fill(folded, folded + width, 0.0f);
  for (size_t n = 0; n < count; ++n) {
    const float weight = static_cast<float>(similar[n].first / total);
    const float* vector = user_vectors.data<float>() + similar[n].second * width;
    for (int64_t d = 0; d < width; ++d) folded[d] += weight * vector[d];
  }
}

}  // namespace

Tensor user_rows(const Dataset& dataset, const Tensor& user_vectors, std::span<const Query> queries) {
  const int64_t width = user_vectors.columns();
  Tensor rows({static_cast<int64_t>(queries.size()), width});
  for (size_t q = 0; q < queries.size(); ++q) {
    float* row = rows.data<float>() + q * width;
    if (queries[q].user < 0) fold_in(dataset, user_vectors, queries[q].history, row);
    else std::copy_n(user_vectors.data<float>() + queries[q].user * width, width, row);
  }
  return rows;
}

Ranking rank_by_inner_product(const Tensor& rows, const Tensor& items, std::span<const Query> queries, int k) {
  const int64_t width = items.columns(), count = items.shape()[0];
  std::vector<int32_t> positions(queries.size());
  std::iota(positions.begin(), positions.end(), 0);
  const auto score = [&](std::span<const int32_t> block, float* scores) {  // consecutive positions
    tensor::gemm<float>(false, true, static_cast<int64_t>(block.size()), count, width, rows.data<float>() + block[0] * width,
                        width, items.data<float>(), width, scores, count);
  };
  return rank_all(positions, count, k, [&](int32_t position) { return queries[position].excluded; }, score);
}

}  // namespace genrec
