#include "tensor/random.h"

#include <cmath>
#include <numbers>

namespace tensor {

namespace {
uint32_t hash(std::string_view name) {  // FNV-1a
  uint32_t h = 2166136261u;
  for (unsigned char c : name) h = (h ^ c) * 16777619u;
  return h;
}
}  // namespace

std::array<uint32_t, 4> philox(const PhiloxKey& key, uint64_t block) {
  const PhiloxBlock bits = philox_block(key, block);
  return {bits.words[0], bits.words[1], bits.words[2], bits.words[3]};
}

Random::Random(uint64_t seed, std::string_view stream, uint64_t step)
    : key_{{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
           {static_cast<uint32_t>(step) ^ static_cast<uint32_t>((step >> 32) * 0x9E3779B1u), hash(stream)}} {}

uint32_t Random::bits(uint64_t index) const { return philox(key_, index / 4)[index % 4]; }

double Random::uniform(uint64_t index) const { return bits(index) * 0x1p-32; }

double Random::normal(uint64_t index) const {
  // One block of four words serves two indices; the second block half is reached through a disjoint range of counters.
  const auto words = philox(key_, (uint64_t{1} << 63) | (index / 2));
  const uint32_t a = words[index % 2 * 2], b = words[index % 2 * 2 + 1];
  return std::sqrt(-2.0 * std::log((a + 1.0) * 0x1p-32)) * std::cos(2.0 * std::numbers::pi * (b * 0x1p-32));
}

uint64_t Random::below(uint64_t index, uint64_t bound) const {
  const auto words = philox(key_, (uint64_t{1} << 62) | (index / 2));
  const uint64_t r = uint64_t{words[index % 2 * 2]} << 32 | words[index % 2 * 2 + 1];
  return static_cast<uint64_t>((static_cast<unsigned __int128>(r) * bound) >> 64);
}

}  // namespace tensor
