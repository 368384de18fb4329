#include "genrec/identifier_usage.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace genrec {

namespace {

double entropy_of(const std::vector<int64_t>& counts, int64_t total) {
  double entropy = 0;
  for (int64_t count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(total);
    entropy -= share * std::log2(share);
  }
  return std::max(0.0, entropy);
}

double gini_of(std::vector<int64_t> counts, int64_t total) {
  std::sort(counts.begin(), counts.end());
  const double n = static_cast<double>(counts.size());
  double weighted = 0;
  for (size_t i = 0; i < counts.size(); ++i) weighted += static_cast<double>(i + 1) * static_cast<double>(counts[i]);
  return 2 * weighted / (n * static_cast<double>(total)) - (n + 1) / n;
}

LevelUsage measure_level(const ItemIdentifiers& identifiers, int level, double prefix_entropy) {
  LevelUsage usage{.size = identifiers.sizes[level]};
  usage.counts.assign(usage.size, 0);
  for (int64_t item = 0; item < identifiers.items(); ++item) ++usage.counts[identifiers[item][level]];
  const int64_t items = identifiers.items();
  usage.used = static_cast<int32_t>(usage.size - std::count(usage.counts.begin(), usage.counts.end(), 0));
  usage.entropy = entropy_of(usage.counts, items);
  usage.entropy_ratio = usage.size > 1 ? usage.entropy / std::log2(usage.size) : 1;
  usage.perplexity = std::exp2(usage.entropy);
  usage.conditional_entropy = std::max(0.0, entropy_of(prefix_groups(identifiers, level + 1).sizes, items) - prefix_entropy);
  usage.top_share =
      static_cast<double>(*std::max_element(usage.counts.begin(), usage.counts.end())) / static_cast<double>(items);
  usage.gini = gini_of(usage.counts, items);
  return usage;
}

void find_warnings(IdentifierUsage& usage) {
  constexpr double kCollidingShare = 0.2, kUsedShare = 0.25;
  constexpr int64_t kLongFactor = 4;
  int32_t largest_size = 0;
  for (int level = 0; level < usage.semantic_levels; ++level) {
    const LevelUsage& each = usage.levels[level];
    largest_size = std::max(largest_size, each.size);
    if (usage.items >= each.size && each.perplexity < kUsedShare * each.size) {
      usage.warnings.push_back(tensor::join("identifiers: level ", level, " collapsed: ", each.used, " of ", each.size,
                                            " codes used, perplexity ", std::round(10 * each.perplexity) / 10,
                                            "; start from k-means, revive dead codes or use fewer codes"));
    }
  }
  if (usage.largest_group > kLongFactor * largest_size) {
    usage.warnings.push_back(tensor::join("identifiers: ", usage.largest_group, " items share one code tuple, more than ",
                                          kLongFactor, " times the ", largest_size,
                                          " codes of a level; raise the latent width or the codes per level"));
  }
  if (usage.colliding_share() > kCollidingShare) {
    usage.warnings.push_back(tensor::join("identifiers: ", usage.colliding_items, " of ", usage.items,
                                          " items share their code tuple with another, more than ", 100 * kCollidingShare,
                                          " %; raise the latent width or the codes per level"));
  }
}

}  // namespace

IdentifierUsage measure_usage(const ItemIdentifiers& identifiers) {
  tensor::check(identifiers.items() > 0, "usage of no identifiers");
  IdentifierUsage usage{.items = identifiers.items(), .semantic_levels = identifiers.semantic_levels()};
  double prefix_entropy = 0;
  for (int level = 0; level < identifiers.levels; ++level) {
    usage.levels.push_back(measure_level(identifiers, level, prefix_entropy));
    prefix_entropy += usage.levels.back().conditional_entropy;
  }
  const PrefixGroups groups = prefix_groups(identifiers, usage.semantic_levels);
  usage.groups = static_cast<int64_t>(groups.sizes.size());
  usage.largest_group = *std::max_element(groups.sizes.begin(), groups.sizes.end());
  usage.group_sizes.assign(usage.largest_group + 1, 0);
  for (int64_t size : groups.sizes) {
    ++usage.group_sizes[size];
    if (size > 1) usage.colliding_items += size;
  }
  find_warnings(usage);
  return usage;
}

}  // namespace genrec
