// How well a set of item identifiers uses its codes, and how often items collide. Counting only; whether the codes mean
// anything is measured in neighbour_purity.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "genrec/identifiers.h"

namespace genrec {

struct LevelUsage {
  int32_t size = 0, used = 0;
  double entropy = 0;              // bits
  double entropy_ratio = 0;        // of the largest possible, log2(size)
  double perplexity = 0;           // 2^entropy: as many equally used codes would have this entropy
  double conditional_entropy = 0;  // bits that this level adds to the levels before it
  double top_share = 0;            // items with the most frequent code
  double gini = 0;                 // 0: all codes alike, near 1: one code for all
  std::vector<int64_t> counts{};   // [size]
};

struct IdentifierUsage {
  int64_t items = 0;
  int semantic_levels = 0;
  std::vector<LevelUsage> levels{};    // the popularity level, if any, last
  int64_t groups = 0;                  // distinct semantic identifiers
  int64_t largest_group = 0;           // items that share one; the number of popularity codes needed
  int64_t colliding_items = 0;         // items in groups of two or more
  std::vector<int64_t> group_sizes{};  // [largest_group + 1]: groups of that size
  // What is wrong enough to say: collapse, collisions, a long popularity level. Empty when all is well.
  std::vector<std::string> warnings{};

  double colliding_share() const {
    return items == 0 ? 0 : static_cast<double>(colliding_items) / static_cast<double>(items);
  }
};

IdentifierUsage measure_usage(const ItemIdentifiers& identifiers);

}  // namespace genrec
