// Constrained beam search over a trie of item identifiers, for many users at once and without knowing the model. A row is
// one beam of one user; rows are packed, users in order, beams best first. The model scores the rows, the search picks the
// best children and says which row each new row continues, for the reordering of cached keys:
//
//   search.start(users, excluded);
//   while (!search.done()) search.expand(model(search.level(), search.codes(), search.parents(), search.row_begin()));
//   Ranking ranking = search.ranking();
//
// A code sequence that is followed by a forced END token with a score of its own is a trie with one more level of one code.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "genrec/ranking.h"
#include "genrec/trie.h"

namespace genrec {

// What happens to the excluded items of a user, usually those already seen. Unwanted ones are always treated as by `trie`.
enum class Exclusion {
  none,  // they may be listed
  leaf,  // the beam is wider by min(excluded, 20), excluded leaves are dropped at the end; a list may come out short
  trie,  // subtrees that hold nothing but excluded items are not entered: beam width k, k items whenever so many are left
};

enum class BeamScore {
  full,    // log-probabilities over the whole vocabulary
  renorm,  // renormalised over the children of the node
};

struct BeamOptions {
  int k = 10;  // list length and beam width
  Exclusion exclusion = Exclusion::trie;
  BeamScore score = BeamScore::full;
};

// Scores of one level for all rows: the log-probability of code c in row r is values[r * stride + c] - normalizer[r].
struct StepScores {
  const float* values = nullptr;  // points at code 0 of the level in row 0
  int64_t stride = 0;
  const float* normalizer = nullptr;  // [rows], log sum exp of the row; null where the values are log-probabilities already
};

// Of the raw top k, that is before excluded leaves are dropped. Not meaningful with Exclusion::trie, whose beams hold no
// excluded item. Every beam is valid by construction.
struct BeamStatistics {
  int64_t listed = 0;
  int64_t excluded = 0;
  double excluded_share() const { return listed == 0 ? 0 : static_cast<double>(excluded) / static_cast<double>(listed); }
};

class BeamSearch {
 public:
  BeamSearch(const Trie& trie, const BeamOptions& options);  // keeps a reference to the trie

  // One beam per user, standing at the root; no row for a user who has nothing left with Exclusion::trie.
  // `excluded` and `unwanted` may be empty; they are asked for each user once. Unwanted items count as excluded, too.
  void start(std::span<const int32_t> users, const ItemsOf& excluded, const ItemsOf& unwanted = {});
  bool done() const { return level_ == trie_.levels(); }
  int level() const { return level_; }  // the level whose codes are to be scored next

  int64_t rows() const { return static_cast<int64_t>(nodes_.size()); }
  std::span<const int64_t> row_begin() const { return row_begin_; }  // [users + 1]
  std::span<const int32_t> parents() const { return parents_; }      // [rows], row of the previous step; empty at level 0
  std::span<const int32_t> codes() const { return codes_; }          // [rows], code of level() - 1; empty at level 0
  std::span<const float> scores() const { return scores_; }          // [rows], sums of log-probabilities

  // Keeps for each user the best children of its rows: by score, then lower row, then lower code.
  void expand(const StepScores& step);

  // Takes over a search that was made from here on without expand(), by beam_slots.h: the slots of every level, i32
  // [levels, SlotField::count * users * width].
  void adopt(const tensor::Tensor& found);

  // What such a search has to know of one that has been started.
  const Trie& trie() const { return trie_; }
  const BeamOptions& options() const { return options_; }
  std::span<const int32_t> widths() const { return widths_; }                 // [users], rows of a user at most
  std::span<const int32_t> dead_nodes(int64_t user, int depth) const;         // ascending; not to be entered

  // After the last level. Items of one leaf stand together, ascending.
  Ranking ranking() const;
  BeamStatistics statistics() const;
  // The cumulative scores after each level of the item at `rank` of the user in position `user`, for explanations.
  std::vector<float> path_scores(int64_t user, int rank) const;

 private:
  struct Leaf {
    int32_t item;
    int64_t row;
  };

  const std::vector<int32_t>& not_entered(int64_t user) const;  // items
  const std::vector<int32_t>& not_listed(int64_t user) const;
  void find_dead_nodes(int64_t user, std::vector<std::vector<int32_t>>& dead) const;
  std::vector<Leaf> list_of(int64_t user, std::span<const int32_t> dropped) const;
  float normalizer_of(const StepScores& step, int64_t row) const;
  void require_scores(int64_t user, int64_t rows) const;

  const Trie& trie_;
  BeamOptions options_;
  int level_ = 0;
  int64_t users_ = 0;
  std::vector<int32_t> widths_;                 // [users]
  std::vector<std::vector<int32_t>> excluded_;  // [users], ascending, distinct; with the unwanted ones
  std::vector<std::vector<int32_t>> unwanted_;  // [users], ascending, distinct
  std::vector<std::vector<int32_t>> dead_;      // [users * levels], ascending nodes of depth 1 .. levels
  std::vector<int64_t> row_begin_;
  std::vector<int32_t> nodes_, parents_, codes_;
  std::vector<float> scores_;
  struct Trace {
    std::vector<int32_t> parents;
    std::vector<float> scores;
  };
  std::vector<Trace> trace_;  // [levels done]
};

}  // namespace genrec
