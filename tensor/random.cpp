#include "tensor/random.h"

#include <cmath>
#include <numbers>

#include "tensor/philox_draws.h"

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

uint32_t dropout_threshold(double p) { return static_cast<uint32_t>(std::lround(65536 * p)); }

Random::Random(uint64_t seed, std::string_view stream, uint64_t step, const int32_t* step_on_device)
    : key_{{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
           {static_cast<uint32_t>(step_word(step)), hash(stream)}},
      step_on_device_(step_on_device) {}

int32_t Random::step_word(uint64_t step) {
  return static_cast<int32_t>(static_cast<uint32_t>(step) ^ static_cast<uint32_t>((step >> 32) * 0x9E3779B1u));
}

uint32_t Random::bits(uint64_t index) const { return philox(key_, index / 4)[index % 4]; }

double Random::uniform(uint64_t index) const { return bits(index) * 0x1p-32; }

double Random::normal(uint64_t index) const {
  const PhiloxPair words = philox_normal(key_, index);
  return std::sqrt(-2.0 * std::log((words.first + 1.0) * 0x1p-32)) *
         std::cos(2.0 * std::numbers::pi * (words.second * 0x1p-32));
}

uint64_t Random::below(uint64_t index, uint64_t bound) const { return philox_below(key_, index, bound); }

}  // namespace tensor
