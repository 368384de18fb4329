#include "genrec/ranking.h"

#include <algorithm>

#include "genrec/top_k.h"
#include "tensor/parallel.h"

namespace genrec {

namespace {

// Most chunks hold no score above the threshold; that question vectorises, the selection does not.
constexpr int64_t kChunk = 64;

bool any_above(const float* scores, float threshold) {
  int any = 0;
  for (int64_t i = 0; i < kChunk; ++i) any |= scores[i] > threshold;
  return any != 0;
}

}  // namespace

void offer_scores(std::span<const float> scores, int64_t first, std::span<const int32_t> excluded, TopK& best) {
  const int64_t count = static_cast<int64_t>(scores.size());
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t end = std::min(count, begin + kChunk);
    if (best.full() && end - begin == kChunk && !any_above(scores.data() + begin, best.threshold())) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (!best.accepts(scores[i])) continue;
      if (std::binary_search(excluded.begin(), excluded.end(), static_cast<int32_t>(first + i))) continue;
      best.offer(scores[i], first + i);
    }
  }
}

void store_list(TopK& best, int64_t row, Ranking& ranking) {
  const auto list = best.sort();
  for (size_t rank = 0; rank < list.size(); ++rank) {
    ranking.items[row * ranking.k + rank] = static_cast<int32_t>(list[rank].key);
    ranking.scores[row * ranking.k + rank] = list[rank].score;
  }
}

void require_listed(const Ranking& ranking, int64_t row, int64_t available, int32_t user) {
  const int64_t found = static_cast<int64_t>(ranking.of(row).size()), wanted = std::min<int64_t>(ranking.k, available);
  tensor::require(tensor::Fault::bug, found >= wanted, "ranking: user ", user, " has ", found,
                  " items with a score that is a number, ", wanted,
                  " are needed; the model diverged, lower the learning rate");
}

void sort_distinct(std::vector<int32_t>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

std::span<const int32_t> ascending(std::span<const int32_t> items, std::vector<int32_t>& buffer) {
  if (std::adjacent_find(items.begin(), items.end(), std::greater_equal<>()) == items.end()) return items;
  buffer.assign(items.begin(), items.end());
  sort_distinct(buffer);
  return buffer;
}

std::span<const int32_t> Ranking::of(int64_t row) const {
  const int32_t* begin = items.data() + row * k;
  return {begin, std::find(begin, begin + k, -1)};
}

std::vector<RankedItem> top_k(std::span<const float> scores, std::span<const int32_t> excluded, int k) {
  TopK best(k);
  std::vector<int32_t> buffer;
  offer_scores(scores, 0, ascending(excluded, buffer), best);
  std::vector<RankedItem> list;
  for (const Scored& entry : best.sort()) list.push_back({static_cast<int32_t>(entry.key), entry.score});
  return list;
}

Ranking rank_all(std::span<const int32_t> users, int64_t items, int k, const ItemsOf& excluded,
                 const ScoreBlock& score_block, int64_t block) {
  tensor::require(k >= 1, "ranking: k is ", k, "; ask for at least one item");
  constexpr int64_t kBlockScores = int64_t{8} << 20;
  if (block <= 0) block = std::clamp<int64_t>(kBlockScores / std::max<int64_t>(items, 1), 1, 1024);
  const int64_t count = static_cast<int64_t>(users.size());
  Ranking ranking(count, k);
  std::vector<float> scores(std::min(block, count) * items);
  std::vector<int64_t> available(std::min(block, count));  // items that each list of the block could hold
  for (int64_t first = 0; first < count; first += block) {
    const auto members = users.subspan(first, std::min(block, count - first));
    score_block(members, scores.data());
    tensor::parallel_for(static_cast<int64_t>(members.size()), 1, [&](int64_t begin, int64_t end) {
      TopK best(k);
      std::vector<int32_t> buffer;
      for (int64_t row = begin; row < end; ++row) {
        const auto removed = excluded ? ascending(excluded(members[row]), buffer) : std::span<const int32_t>{};
        best.reset(k);
        offer_scores({scores.data() + row * items, static_cast<size_t>(items)}, 0, removed, best);
        store_list(best, first + row, ranking);
        available[row] = items - static_cast<int64_t>(removed.size());
      }
    });
    for (size_t row = 0; row < members.size(); ++row)
      require_listed(ranking, first + static_cast<int64_t>(row), available[row], members[row]);
  }
  return ranking;
}

}  // namespace genrec
