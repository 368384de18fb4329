// Items with the same codes are given different ones, close to what they were (as MQL4GRec and MACRec do;
// LETTER by Sinkhorn). Integers and distances only; nothing is learnt.
#pragma once

#include <cstdint>
#include <functional>

#include "quant/residual_quantizer.h"
#include "quant/sinkhorn.h"

namespace quant {

// Squared distances f32 or f64 [n, K] between each code of level `level` and what the first `level` codes leave of the vectors
// of `items` i32 [n]; codes i32 [n, levels] are theirs. Row i depends on items[i] and its codes only.
using LevelDistances = std::function<Tensor(const Tensor& items, const Tensor& codes, int64_t level)>;
LevelDistances level_distances(const ResidualQuantizer& quantizer, const Tensor& z);  // z [all items, width]

struct ConflictOptions {
  int passes = 2;      // at most
  bool exact = false;  // when the second-last code changes, measure the last level's distances anew
};

struct Conflicts {
  int64_t items = 0;
  int64_t distinct_before = 0, distinct_after = 0;  // different code tuples
  int64_t moved = 0;                                // items whose codes changed
  double rate_before() const { return rate(distinct_before); }  // (items - distinct) / items
  double rate_after() const { return rate(distinct_after); }

 private:
  double rate(int64_t distinct) const {
    return items == 0 ? 0 : static_cast<double>(items - distinct) / static_cast<double>(items);
  }
};

int64_t distinct_codes(const Tensor& codes);  // i32 [n, levels]

// Changes codes i32 [n, levels], as the quantiser chose them, in place. In each group of equal codes, in order of first
// appearance, the item nearest to its last codeword keeps them; the k-th after it takes its (k+1)-th nearest last code or
// the next one that is free, else its next nearest second-last code with the nearest last code that is free. Codes once used
// are not given out again. `taken` i32 [m, levels]: codes of other items, which stay as they are.
Conflicts resolve_conflicts(Tensor& codes, const LevelDistances& distances, const ConflictOptions& options = {},
                            const Tensor& taken = {});

// LETTER's way: up to `rounds` times, the items of each group of equal codes share out the last level's codes by Sinkhorn.
Conflicts reassign_by_sinkhorn(Tensor& codes, const LevelDistances& distances, int rounds = 20,
                               const SinkhornOptions& options = {});

}  // namespace quant
