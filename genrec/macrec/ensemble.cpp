#include "genrec/macrec/ensemble.h"

#include <algorithm>

namespace genrec::macrec {

namespace {

const RankedItem* find(std::span<const RankedItem> list, int32_t item) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const RankedItem& entry) { return entry.item == item; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::vector<RankedItem> merge_lists(std::span<const RankedItem> textual, std::span<const RankedItem> visual, Ensemble rule,
                                    double bonus) {
  if (rule == Ensemble::text) return {textual.begin(), textual.end()};
  if (rule == Ensemble::image) return {visual.begin(), visual.end()};
  std::vector<RankedItem> merged;
  const auto alone = [&](const RankedItem& entry, std::span<const RankedItem> other) {
    const bool lowered = rule == Ensemble::avg && !other.empty();
    merged.push_back({entry.item, lowered ? (entry.score + other.back().score) / 2 : entry.score});
  };
  for (const RankedItem& entry : textual) {
    const RankedItem* same = find(visual, entry.item);
    if (!same) alone(entry, visual);
    else merged.push_back({entry.item, (entry.score + same->score) / 2 + (rule == Ensemble::avg ? 0.0f : static_cast<float>(bonus))});
  }
  for (const RankedItem& entry : visual) {
    if (!find(textual, entry.item)) alone(entry, textual);
  }
  std::sort(merged.begin(), merged.end(), [](const RankedItem& a, const RankedItem& b) {
    return a.score != b.score ? a.score > b.score : a.item < b.item;
  });
  return merged;
}

}  // namespace genrec::macrec
