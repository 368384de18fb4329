// Training samples of the Transformer: one per training interaction (u, i), the encoder reads the user's other items.
#pragma once

#include "autograd/ops/candidate_cross_entropy.h"
#include "genrec/data/dataset.h"
#include "genrec/mmgrec/options.h"
#include "genrec/step_inputs.h"
#include "genrec/trie.h"
#include "genrec/vocabulary.h"

namespace genrec::mmgrec {

// A packed batch of S sequences. For a GPU it ends with sequences that say nothing (packed_sequences.h).
struct Batch {
  tensor::Tensor users;            // i32 [S]
  tensor::Tensor history;          // i32 [T] item indices, ascending within a sequence
  tensor::Tensor history_offsets;  // i32 [S+1]
  tensor::Tensor inputs;           // i32 [T'] decoder tokens: START t0 .. t(M-1), of each sequence that says something
  tensor::Tensor targets;          // i32 [T'] t0 .. t(M-1) END
  tensor::Tensor token_offsets;    // i32 [S+1]
  tensor::Tensor lists;            // i32 [T'] which list of candidates the target of a position is drawn from
  autograd::CandidateLists candidates;
  int64_t sequences() const { return users.size(); }
};
StepInputs inputs_of(const Batch& batch);

// The tokens of every item, [items, L] each: what the decoder reads, what it must say, and among which tokens it then chooses:
// the children of the trie node reached so far, END alone after the last.
struct TokenTable {
  std::vector<int32_t> inputs, targets, lists;
  autograd::CandidateLists candidates;
  int length = 0;  // L
};
TokenTable token_table(const ItemIdentifiers& identifiers, const Trie& trie, const Vocabulary& vocabulary);

class Sampler {
 public:
  Sampler(const Dataset& dataset, const TokenTable& tokens, const TransformerOptions& options, int batch, uint64_t seed);

  int64_t begin_epoch(int64_t epoch);  // draws the samples and their order; returns the number of batches
  Batch batch(int64_t index) const;    // of the epoch begun

 private:
  // At most N of the user's training items without `target` (-1: none), ascending; appended to `out`.
  void append_history(int32_t user, int32_t target, int64_t sample, std::vector<int32_t>& out) const;

  const Dataset& dataset_;
  const TokenTable& tokens_;
  TransformerOptions options_;
  int batch_;
  uint64_t seed_;
  int64_t epoch_ = 0;
  std::vector<int32_t> user_of_, item_of_;  // [samples], by user
  std::vector<int32_t> order_;               // samples of the epoch
};

// The history that inference reads: all training items of the user, at most N (a fixed random subset when there are more).
std::vector<int32_t> inference_history(std::span<const int32_t> items, int limit, uint64_t seed, int64_t user);

}  // namespace genrec::mmgrec
