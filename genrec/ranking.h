// Ranked item lists, and the full ranking that gives them: every item is scored for every user, in blocks of users, and the
// best k are selected on the fly. The score matrix never exists as a whole. Beam search gives a Ranking too (beam_search.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace genrec {

class TopK;

struct RankedItem {
  int32_t item;
  float score;
  bool operator==(const RankedItem&) const = default;
};

struct Ranking {
  int64_t users = 0;
  int k = 0;
  std::vector<int32_t> items;  // [users, k], best first; -1 behind the last one of a short list
  std::vector<float> scores;   // [users, k]; 0 behind the last one

  Ranking() = default;
  Ranking(int64_t users, int k) : users(users), k(k), items(users * k, -1), scores(users * k, 0.0f) {}
  std::span<const int32_t> of(int64_t row) const;  // without the -1
};

// The items of one user in any order: what is excluded, what is held out.
using ItemsOf = std::function<std::span<const int32_t>(int32_t user)>;

void sort_distinct(std::vector<int32_t>& items);

// The same items ascending and distinct: `items` itself where it is so already, else a copy in `buffer`.
std::span<const int32_t> ascending(std::span<const int32_t> items, std::vector<int32_t>& buffer);

// Offers the scores of items first, first + 1, .. to a selection. excluded: ascending.
void offer_scores(std::span<const float> scores, int64_t first, std::span<const int32_t> excluded, TopK& best);

// Writes a finished selection into a row of the ranking.
void store_list(TopK& best, int64_t row, Ranking& ranking);
// An Error unless the row lists k items, or as many as could be listed. For a loop over the rows in order, so that the
// message names the first one.
void require_listed(const Ranking& ranking, int64_t row, int64_t available, int32_t user);

// Fills scores [users, items] for a block of users. Runs on the calling thread; may use all threads inside.
using ScoreBlock = std::function<void(std::span<const int32_t> users, float* scores)>;

// The k best items of one row of scores. Equal scores: lowest item first. NaN never ranks.
std::vector<RankedItem> top_k(std::span<const float> scores, std::span<const int32_t> excluded, int k);

// Ranks all items for each of `users` (row r of the result belongs to users[r]). Lists are shorter than k only where fewer
// items are left after exclusion. Scores that are NaN so that a list cannot be filled are an error.
// block: users per call of score_block; 0 chooses about 32 MiB of scores. The result does not depend on it.
Ranking rank_all(std::span<const int32_t> users, int64_t items, int k, const ItemsOf& excluded,
                 const ScoreBlock& score_block, int64_t block = 0);

}  // namespace genrec
