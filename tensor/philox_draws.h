// Draws of tensor/random.h from the bits of the generator, for whoever has the key only: Random itself, and CUDA kernels.
#pragma once

#include "tensor/philox.h"

namespace tensor {

// Random::below.
constexpr uint64_t philox_below(const PhiloxKey& key, uint64_t index, uint64_t bound) {
  const PhiloxBlock bits = philox_block(key, (uint64_t{1} << 62) | (index / 2));
  const uint32_t *words = bits.words + index % 2 * 2, high = words[0], low = words[1];
  // The upper 64 bits of (high, low) * bound, from products of 32 bits each.
  const uint64_t upper = bound >> 32, lower = bound & 0xffffffffu;
  const uint64_t middle = high * lower + (low * lower >> 32), other = low * upper + (middle & 0xffffffffu);
  return high * upper + (middle >> 32) + (other >> 32);
}

// Random::normal is sqrt(-2 log((first + 1) / 2^32)) cos(2 pi second / 2^32).
struct PhiloxPair {
  uint32_t first, second;
};
constexpr PhiloxPair philox_normal(const PhiloxKey& key, uint64_t index) {
  // One block of four words serves two indices; the second block half is reached through a disjoint range of counters.
  const PhiloxBlock bits = philox_block(key, (uint64_t{1} << 63) | (index / 2));
  return {bits.words[index % 2 * 2], bits.words[index % 2 * 2 + 1]};
}

}  // namespace tensor
