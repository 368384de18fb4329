// Sequences of tokens, one behind the other, that are encoded together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/offsets.h"

namespace genrec {

struct PackedSequences {
  static constexpr int kSizes = 16;  // of the batches of a training on a GPU, between two powers of two

  std::vector<int32_t> tokens, offsets{0};

  void end_sequence() { offsets.push_back(static_cast<int32_t>(tokens.size())); }
  int64_t sequences() const { return std::ssize(offsets) - 1; }
  int64_t longest() const { return tensor::longest_sequence(offsets); }

  // What a GPU is given has one of few sizes, so that the graph of one batch can be launched for another.
  struct Capacity {
    int64_t tokens, longest;  // so many; the longest sequence
    int64_t added;            // sequences
  };
  void pad(int32_t filler, const Capacity& capacity);  // appends sequences of `filler` up to a capacity of capacity_of()
};

// What each of them can be padded to. Numbers of tokens are multiples of the `parts`-th part of a power of two, with room for one
// sequence more that is the longest, of a multiple of 16 tokens, but of at most `most`, which none exceeds.
PackedSequences::Capacity capacity_of(std::span<const PackedSequences> all, int64_t most, int parts);

}  // namespace genrec
