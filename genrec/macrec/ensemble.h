// One list out of two: the items that the textual and the visual beams found for the same user (section 3.4 of MACRec).
#pragma once

#include <span>
#include <vector>

#include "genrec/ranking.h"

namespace genrec::macrec {

enum class Ensemble {
  avg_bonus,  // found by both: the mean of the scores + bonus; found by one: its score there (the released code)
  avg,        // the mean of the scores; a list without the item counts with its own lowest score (the paper's words)
  text,       // the textual list alone
  image,      // the visual list alone
};

// Lists best first, an item at most once in each; scores are log-probabilities per token. Best first, equal scores by item.
std::vector<RankedItem> merge_lists(std::span<const RankedItem> textual, std::span<const RankedItem> visual, Ensemble rule,
                                    double bonus);

}  // namespace genrec::macrec
