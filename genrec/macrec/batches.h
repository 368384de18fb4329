// Samples as packed token sequences, and the order in which an epoch visits them.
#pragma once

#include "genrec/identifiers.h"
#include "genrec/macrec/tasks.h"
#include "tensor/divide.h"
#include "tensor/permutation.h"

namespace genrec::macrec {

using tensor::Tensor;

// The identifiers of all items by language; no levels in a language that is not spoken.
struct SpokenIdentifiers {
  ItemIdentifiers of[2];
  const ItemIdentifiers& operator[](Language language) const { return of[index_of(language)]; }
  ItemIdentifiers& operator[](Language language) { return of[index_of(language)]; }
};

// The tokens of every item.
class ItemTokens {
 public:
  ItemTokens(std::span<const Task> tasks, const SpokenIdentifiers& identifiers);
  const TokenLayout& layout() const { return layout_; }
  std::span<const int32_t> of(Language language, int32_t item) const {
    const int levels = layout_.levels(language);
    return {tokens_[index_of(language)].data() + static_cast<int64_t>(item) * levels, static_cast<size_t>(levels)};
  }

 private:
  TokenLayout layout_;
  std::vector<int32_t> tokens_[2];  // [items, levels]
};

// S sequences. For a GPU it ends with sequences of which nothing is said (packed_sequences.h).
struct Batch {
  Tensor sources;         // i32 [T] prompt, identifiers, END
  Tensor source_offsets;  // i32 [S+1]
  Tensor inputs;          // i32 [T'] PAD t0 .. t(M-1)
  Tensor targets;         // i32 [T'] t0 .. t(M-1) END
  Tensor target_offsets;  // i32 [S+1]
  int64_t sequences() const { return source_offsets.size() - 1; }
};
Batch pack(std::span<const Sample> samples, const ItemTokens& tokens);
// Batches of at most `size` samples each; for a GPU all padded alike. No sample has more than `history` items.
std::vector<Batch> pack_parts(std::span<const Sample> samples, int64_t size, int history, const ItemTokens& tokens);

// Appends what the encoder reads of a history: identifiers, oldest first, and END. prompt -1: none.
void append_source(std::span<const int32_t> history, Language language, int prompt, const ItemTokens& tokens,
                   std::vector<int32_t>& out);
int64_t target_tokens(std::span<const Sample> samples, const ItemTokens& tokens);

// The epochs: a step takes `batch` samples, in the order of a random permutation of all of them.
class Sampler {
 public:
  Sampler(const Samples& samples, int batch, uint64_t seed);
  int64_t steps() const { return tensor::ceil_div(samples_.size(), batch_); }  // of an epoch
  std::vector<Sample> step(int64_t epoch, int64_t index) const;

 private:
  const Samples& samples_;
  int64_t batch_;
  uint64_t seed_;
};

// The distinct items behind the item tasks among `samples`, ascending; or, if drawn > 0, so many random ones of `items`.
std::vector<int32_t> items_to_align(std::span<const Sample> samples, int drawn, int64_t items, const tensor::Random& random);

}  // namespace genrec::macrec
