// From a trained generator to lists: each language is searched for itself, every user encoded once, all beams of a
// group of users advancing together. Merging the lists is ensemble.h.
#pragma once

#include "genrec/beam_search.h"
#include "genrec/macrec/batches.h"
#include "genrec/system.h"
#include "nn/t5.h"

namespace genrec::macrec {

// The trie of identifiers, each followed by END as one more level of one code.
Trie trie_with_end(const ItemIdentifiers& identifiers);

struct SearchOptions {
  int history = 20;
  int beam = 20;
  Exclusion exclude_seen = Exclusion::none;  // what becomes of Query::excluded; Query::unwanted is never listed
  int64_t users_at_once = 256;  // on a GPU; for the CPU see inference.cpp
};

// Lists of at most `beam` items per query, best first. A score is the sum of the log-probabilities over the whole vocabulary of the
// codes and END, divided by their number. Items that share an identifier stand together, each with its score.
struct BeamLists {
  std::vector<std::vector<RankedItem>> of;
  int64_t listed = 0, seen = 0;  // of the raw beams: items, and how many of them were in the sequence
};
BeamLists search_beams(const nn::T5& transformer, const ItemTokens& tokens, const Trie& trie, Language language,
                       std::span<const Query> queries, const SearchOptions& options);

}  // namespace genrec::macrec
