// From a trained Recommender to ranked items: encode every user once, then the constrained beam search over the trie of Rec-IDs,
// all users of a batch and all their beams advancing together (section 3.4).
#pragma once

#include <memory>

#include "genrec/beam_search.h"
#include "genrec/mmgrec/recommender.h"
#include "genrec/system.h"
#include "genrec/vocabulary.h"

namespace genrec::mmgrec {

struct InferenceOptions {
  int history = 32;         // N
  BeamOptions beam;
  uint64_t seed = 1;        // which subset of a longer history is read
  int64_t users_at_once = 512;
};

// What a search leaves behind besides the ranking.
struct SearchTrace {
  BeamStatistics statistics;
  std::vector<std::vector<std::vector<float>>> path_scores;  // [query][rank][level] cumulative; only when asked for
};

Ranking beam_rank(const Recommender& recommender, const Trie& trie, const Vocabulary& vocabulary, const Dataset& dataset,
                  std::span<const Query> queries, const InferenceOptions& options, SearchTrace* trace = nullptr,
                  bool want_paths = false);

}  // namespace genrec::mmgrec
