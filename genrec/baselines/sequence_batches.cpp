#include "genrec/baselines/sequence_batches.h"

#include <algorithm>
#include <bit>

#include "genrec/packed_sequences.h"
#include "tensor/divide.h"
#include "tensor/random.h"

namespace genrec::baselines {

SequenceSampler::SequenceSampler(const Dataset& dataset, const SequenceOptions& options, int32_t mask, uint64_t seed, bool padded)
    : dataset_(dataset), options_(options), mask_(mask), seed_(seed), padded_(padded) {
  const int64_t targets = mask < 0 ? options.history : options.history - 1;  // of a full piece, all but its first item
  for (int64_t user = 0; user < dataset.users(); ++user) {
    const auto items = dataset.train_items(user);
    const int64_t begin = items.data() - dataset.items.data();
    for (int64_t end = static_cast<int64_t>(items.size()); end >= 2; end -= targets) {
      const int64_t from = std::max<int64_t>(0, end - targets - 1);
      pieces_.push_back({begin + from, static_cast<int32_t>(user), static_cast<int32_t>(end - from)});
    }
  }
  tensor::require(tensor::Fault::bad_data, !pieces_.empty(),
                  "training: no user has two training interactions in order; check the split");
  order_.emplace(tensor::Random(seed_, "sequences/order"), pieces_.size() * (mask_ < 0 ? 1 : 2));
}

int64_t SequenceSampler::begin_epoch(int64_t epoch) {
  epoch_ = epoch;
  order_.emplace(tensor::Random(seed_, "sequences/order", static_cast<uint64_t>(epoch)), order_->size());
  return tensor::ceil_div(sequences(), options_.batch);
}

// Rejection sampling; a user who has every item gets any.
int32_t SequenceSampler::negative(int32_t user, uint64_t number) const {
  const tensor::Random random(seed_, "sequences/negatives", static_cast<uint64_t>(epoch_));
  const auto items = dataset_.train_items(user);
  int32_t item = 0;
  for (uint64_t attempt = 0; attempt < 256; ++attempt) {
    item = static_cast<int32_t>(random.below(number << 8 | attempt, dataset_.item_count()));
    if (std::find(items.begin(), items.end(), item) == items.end()) break;
  }
  return item;
}

void SequenceSampler::append_hidden(const Piece& piece, uint64_t sample, std::vector<int32_t>& items, std::vector<int32_t>& rows,
                                    std::vector<int32_t>& targets) const {
  const tensor::Random random(seed_, "sequences/hidden", static_cast<uint64_t>(epoch_));
  const size_t before = rows.size();
  for (int32_t i = 0; i < piece.length; ++i) {
    const int32_t item = dataset_.items[piece.begin + i];
    const bool last = i + 1 == piece.length, random_share = sample < pieces_.size();
    bool hidden = !random_share && last;
    if (random_share) {
      hidden = random.uniform(static_cast<uint64_t>(piece.begin + i)) < options_.masked;
      hidden = hidden || (last && rows.size() == before);  // at least one
    }
    if (hidden) rows.push_back(static_cast<int32_t>(items.size())), targets.push_back(item);
    items.push_back(hidden ? mask_ : item);
  }
}

SequenceBatch SequenceSampler::batch(int64_t index) const {
  const int64_t first = index * options_.batch, last = std::min<int64_t>(sequences(), first + options_.batch);
  const bool binary = options_.loss == SequenceLoss::binary;
  PackedSequences packed;
  std::vector<int32_t>& items = packed.tokens;
  std::vector<int32_t> rows, targets, negatives;
  for (int64_t number = first; number < last; ++number) {
    const uint64_t sample = (*order_)(static_cast<uint64_t>(number));
    const Piece& piece = pieces_[sample % pieces_.size()];
    const size_t before = targets.size();
    if (mask_ >= 0) {
      append_hidden(piece, sample, items, rows, targets);
    } else {
      const int32_t* from = dataset_.items.data() + piece.begin;
      items.insert(items.end(), from, from + piece.length - 1);
      targets.insert(targets.end(), from + 1, from + piece.length);
    }
    packed.end_sequence();
    for (size_t t = before; binary && t < targets.size(); ++t)
      negatives.push_back(negative(piece.user, sample * static_cast<uint64_t>(options_.history) + (t - before)));
  }
  if (padded_) {
    packed.pad(0, capacity_of({&packed, 1}, options_.history, PackedSequences::kSizes));
    const auto step = static_cast<int64_t>(std::bit_floor(targets.size())) / PackedSequences::kSizes;
    rows.resize(tensor::round_up(std::ssize(targets), std::max<int64_t>(step, 1)), -1);
    targets.resize(mask_ >= 0 ? rows.size() : items.size(), -1);
  }
  SequenceBatch batch{Tensor::from(items), Tensor::from(packed.offsets), {}, Tensor::from(targets), {}};
  if (mask_ >= 0) batch.rows = Tensor::from(rows);
  if (binary) batch.negatives = Tensor::from(negatives);
  return batch;
}

SequenceBatch known_sequences(std::span<const std::span<const int32_t>> sequences, int history, int32_t mask) {
  const size_t kept = static_cast<size_t>(mask < 0 ? history : history - 1);
  std::vector<int32_t> items, offsets{0}, rows;
  for (const auto& sequence : sequences) {
    const auto read = sequence.last(std::min(sequence.size(), kept));
    items.insert(items.end(), read.begin(), read.end());
    if (mask >= 0) items.push_back(mask);
    rows.push_back(static_cast<int32_t>(items.size()) - 1);
    if (static_cast<int32_t>(items.size()) == offsets.back()) rows.back() = -1;
    offsets.push_back(static_cast<int32_t>(items.size()));
  }
  return {Tensor::from(items), Tensor::from(offsets), Tensor::from(rows), {}, {}};
}

}  // namespace genrec::baselines
