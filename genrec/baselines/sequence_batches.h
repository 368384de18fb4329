// Training sequences of the sequential baselines as packed batches. A sequence is a range of the data set's interactions; nothing
// is copied before its batch is made.
#pragma once

#include <optional>

#include "genrec/baselines/sequence_model.h"
#include "genrec/data/dataset.h"
#include "tensor/permutation.h"

namespace genrec::baselines {

struct SequenceBatch {
  Tensor items;      // i32 [tokens]
  Tensor offsets;    // i32 [sequences+1]
  Tensor rows;       // i32 [n]: the tokens after which an item is to be found, -1: none; undefined: all of them
  Tensor targets;    // i32 [n]; -1: none
  Tensor negatives;  // i32 [n] items that the user does not have in training; undefined unless asked for
};

// The training interactions of every user in pieces, counted from the latest one.
class SequenceSampler {
 public:
  // mask: -1, and every item after the first of a piece is a target behind those before it. Otherwise the number that hides an
  // item: a piece comes twice in an epoch, once with a random share hidden, once with only the last one.
  // padded: batches end with sequences without a target, so that they come in few sizes (packed_sequences.h); for cross-entropy.
  SequenceSampler(const Dataset& dataset, const SequenceOptions& options, int32_t mask, uint64_t seed, bool padded = false);

  int64_t sequences() const { return static_cast<int64_t>(order_ ? order_->size() : 0); }
  int64_t begin_epoch(int64_t epoch);  // shuffles; returns the number of batches
  SequenceBatch batch(int64_t index) const;

 private:
  struct Piece {
    int64_t begin;  // in Dataset::items
    int32_t user, length;
  };
  void append_hidden(const Piece& piece, uint64_t sample, std::vector<int32_t>& items, std::vector<int32_t>& rows,
                     std::vector<int32_t>& targets) const;
  int32_t negative(int32_t user, uint64_t number) const;

  const Dataset& dataset_;
  SequenceOptions options_;
  int32_t mask_;
  uint64_t seed_;
  bool padded_;
  int64_t epoch_ = 0;
  std::vector<Piece> pieces_;
  std::optional<tensor::Permutation> order_;
};

// The last items of each sequence, at most `history` with the hidden one behind them if mask >= 0; rows [sequences] is the last
// token of each, -1 for one without tokens. No targets.
SequenceBatch known_sequences(std::span<const std::span<const int32_t>> sequences, int history, int32_t mask);

}  // namespace genrec::baselines
