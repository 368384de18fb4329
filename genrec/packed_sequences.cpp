#include "genrec/packed_sequences.h"

#include <algorithm>
#include <bit>

#include "tensor/divide.h"
#include "tensor/error.h"

namespace genrec {

using tensor::ceil_div, tensor::round_up;

PackedSequences::Capacity capacity_of(std::span<const PackedSequences> all, int64_t most, int parts) {
  constexpr int64_t kLength = 16, kAdded = 8;
  int64_t longest = 1, fewest = INT64_MAX, largest = 0;
  for (const PackedSequences& each : all) {
    longest = std::max(longest, each.longest());
    fewest = std::min(fewest, std::ssize(each.tokens)), largest = std::max(largest, std::ssize(each.tokens));
  }
  longest = std::max(longest, std::min(most, round_up(longest, kLength)));
  const auto step = std::max<int64_t>(1, static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(largest + longest))) / parts);
  const int64_t tokens = round_up(largest + longest, step);
  // As many sequences as any one batch of this size may need; several that differ may need more.
  int64_t added = ceil_div(step + longest, longest);
  if (const int64_t needed = ceil_div(tokens - fewest, longest); needed > added) added = round_up(needed, kAdded);
  return {tokens, longest, added};
}

void PackedSequences::pad(int32_t filler, const Capacity& capacity) {
  for (int64_t i = 0; i < capacity.added; ++i) {
    const int64_t left = capacity.tokens - std::ssize(tokens);
    tensor::check(left >= 0, "a batch exceeds its capacity of ", capacity.tokens, " tokens");
    tokens.insert(tokens.end(), static_cast<size_t>(std::min(left, capacity.longest)), filler);
    end_sequence();
  }
  tensor::check(std::ssize(tokens) == capacity.tokens, "a batch of ", tokens.size(), " tokens does not fill its capacity of ",
                capacity.tokens);
}

}  // namespace genrec
