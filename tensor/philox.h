// What identifies a stream of random numbers, and the generator itself. Plain, so that the kernels of tensor/simd and of CUDA
// can include it.
#pragma once

#include <cstdint>

namespace tensor {

struct PhiloxKey {
  uint32_t key[2];      // the seed
  uint32_t counter[2];  // upper half of the counter: step, hash of the stream name
};

struct PhiloxBlock {
  uint32_t words[4];
};

// The 16-bit words of a block, 0 to 7: dropout gives one to each of 8 neighbouring elements.
constexpr uint32_t philox_word(const PhiloxBlock& bits, int word) {
  return bits.words[word / 2] >> (16 * (word % 2)) & 0xffffu;
}

// Philox4x32-10: the 128 bits of one counter value.
constexpr PhiloxBlock philox_block(const PhiloxKey& key, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32), c2 = key.counter[0], c3 = key.counter[1];
  uint32_t k0 = key.key[0], k1 = key.key[1];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1), c3 = static_cast<uint32_t>(p0), c0 = n0, c2 = n2;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace tensor
