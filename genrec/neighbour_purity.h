// Do identifiers mean anything? For a sample of items: the share of the nearest neighbours, in features or in
// co-interaction, that share the first 1, 2, .. codes with the item, beside what a random item would give.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genrec/identifiers.h"

namespace genrec {

struct PurityOptions {
  int64_t samples = 1000;
  int neighbours = 10;
  int depths = 3;
  uint64_t seed = 0;
};

struct NeighbourPurity {
  std::string against{};           // "visual", "co-interaction", ...
  int64_t samples = 0;             // items that have neighbours
  std::vector<double> purity{};    // [depths]
  std::vector<double> expected{};  // [depths], for random neighbours of the same items
};

// Neighbours by cosine of features [items, width]; items whose features are all zero are not sampled.
NeighbourPurity feature_purity(const ItemIdentifiers& identifiers, std::string name, std::span<const float> features,
                               int64_t width, const PurityOptions& options);

// Neighbours by cosine of the sets of users; user u interacted with items[offsets[u] .. offsets[u+1]). Items without a
// common user are no neighbours.
NeighbourPurity interaction_purity(const ItemIdentifiers& identifiers, std::span<const int64_t> offsets,
                                   std::span<const int32_t> items, const PurityOptions& options);

}  // namespace genrec
