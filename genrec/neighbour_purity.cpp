#include "genrec/neighbour_purity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "genrec/ranking.h"
#include "genrec/top_k.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace genrec {

namespace {

std::vector<int32_t> sample_of(std::vector<int32_t> candidates, const PurityOptions& options) {
  tensor::Generator generator(options.seed, "neighbour_purity.sample");
  const size_t count = std::min<size_t>(candidates.size(), options.samples);
  generator.choose(std::span<int32_t>(candidates), count);
  candidates.resize(count);
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

// Row r of the ranking holds the neighbours of sample[r].
NeighbourPurity purity_of(const ItemIdentifiers& identifiers, std::string name, std::span<const int32_t> sample,
                          const Ranking& neighbours, const PurityOptions& options) {
  NeighbourPurity result{.against = std::move(name), .samples = 0, .purity = {}, .expected = {}};
  for (int depth = 1; depth <= std::min(options.depths, identifiers.semantic_levels()); ++depth) {
    const PrefixGroups groups = prefix_groups(identifiers, depth);
    double same = 0, expected = 0;
    int64_t counted = 0;
    for (size_t row = 0; row < sample.size(); ++row) {
      const auto list = neighbours.of(static_cast<int64_t>(row));
      if (list.empty()) continue;
      const int32_t group = groups.group[sample[row]];
      const auto hits = std::count_if(list.begin(), list.end(), [&](int32_t item) { return groups.group[item] == group; });
      same += static_cast<double>(hits) / static_cast<double>(list.size());
      expected += static_cast<double>(groups.sizes[group] - 1) / static_cast<double>(identifiers.items() - 1);
      ++counted;
    }
    result.samples = counted;
    result.purity.push_back(counted == 0 ? 0 : same / static_cast<double>(counted));
    result.expected.push_back(counted == 0 ? 0 : expected / static_cast<double>(counted));
  }
  return result;
}

}  // namespace

NeighbourPurity feature_purity(const ItemIdentifiers& identifiers, std::string name, std::span<const float> features,
                               int64_t width, const PurityOptions& options) {
  const int64_t items = identifiers.items();
  tensor::check(static_cast<int64_t>(features.size()) == items * width, features.size(), " feature values for ", items,
                " items of width ", width);
  std::vector<float> unit(features.begin(), features.end());
  std::vector<int32_t> candidates, everything(items);
  std::iota(everything.begin(), everything.end(), 0);
  for (int64_t item = 0; item < items; ++item) {
    float* row = unit.data() + item * width;
    const double norm = std::sqrt(std::inner_product(row, row + width, row, 0.0));
    if (norm == 0) continue;
    for (int64_t i = 0; i < width; ++i) row[i] = static_cast<float>(row[i] / norm);
    candidates.push_back(static_cast<int32_t>(item));
  }
  const std::vector<int32_t> sample = sample_of(std::move(candidates), options);
  const auto itself = [&](int32_t item) { return std::span<const int32_t>(everything).subspan(item, 1); };
  const auto cosines = [&](std::span<const int32_t> block, float* scores) {
    std::vector<float> rows(block.size() * width);
    for (size_t r = 0; r < block.size(); ++r) std::copy_n(unit.data() + block[r] * width, width, rows.data() + r * width);
    tensor::gemm(false, true, static_cast<int64_t>(block.size()), items, width, rows.data(), width, unit.data(), width,
                 scores, items);
  };
  const Ranking neighbours = rank_all(sample, items, options.neighbours, itself, cosines);
  return purity_of(identifiers, std::move(name), sample, neighbours, options);
}

NeighbourPurity interaction_purity(const ItemIdentifiers& identifiers, std::span<const int64_t> offsets,
                                   std::span<const int32_t> items, const PurityOptions& options) {
  const int64_t count = identifiers.items(), users = static_cast<int64_t>(offsets.size()) - 1;
  std::vector<int64_t> begin(count + 1, 0);
  for (int32_t item : items) ++begin[item + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<int64_t> next(begin.begin(), begin.end() - 1);
  std::vector<int32_t> users_of(items.size()), candidates;
  for (int64_t user = 0; user < users; ++user) {
    for (int64_t i = offsets[user]; i < offsets[user + 1]; ++i) users_of[next[items[i]]++] = static_cast<int32_t>(user);
  }
  for (int64_t item = 0; item < count; ++item) {
    if (begin[item] < begin[item + 1]) candidates.push_back(static_cast<int32_t>(item));
  }
  const std::vector<int32_t> sample = sample_of(std::move(candidates), options);
  Ranking neighbours(static_cast<int64_t>(sample.size()), options.neighbours);
  tensor::parallel_for(neighbours.users, 32, [&](int64_t first, int64_t last) {
    std::vector<int32_t> common(count, 0), touched;
    TopK best;
    for (int64_t row = first; row < last; ++row) {
      const int32_t item = sample[row];
      for (int64_t u = begin[item]; u < begin[item + 1]; ++u) {
        for (int64_t i = offsets[users_of[u]]; i < offsets[users_of[u] + 1]; ++i) {
          if (items[i] != item && common[items[i]]++ == 0) touched.push_back(items[i]);
        }
      }
      std::sort(touched.begin(), touched.end());
      best.reset(options.neighbours);
      for (int32_t other : touched) {
        const float cosine =
            static_cast<float>(common[other] / std::sqrt(static_cast<double>(begin[other + 1] - begin[other])));
        if (best.accepts(cosine)) best.offer(cosine, other);
        common[other] = 0;
      }
      touched.clear();
      const auto list = best.sort();
      for (size_t i = 0; i < list.size(); ++i) neighbours.items[row * neighbours.k + i] = static_cast<int32_t>(list[i].key);
    }
  });
  return purity_of(identifiers, "co-interaction", sample, neighbours, options);
}

}  // namespace genrec
