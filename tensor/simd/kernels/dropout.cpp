// Dropout with the random bits of tensor::philox, made for many blocks at once: the same bits on every set and for any T.
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

using Wide = Vector<uint64_t>;
constexpr int kRounds = 10;
constexpr int kBlocks = kLanes<uint64_t>;          // Philox blocks of 8 words of 16 bits, a group
constexpr int64_t kGroupWords = 8 * kBlocks;
constexpr int kMostGroups = kBlocks >= 8 ? 4 : 2;  // side by side, as each round waits for the one before; what registers can hold

struct RoundKeys {
  explicit RoundKeys(const PhiloxKey& key) : counter{key.counter[0], key.counter[1]} {
    for (uint32_t r = 0; r < kRounds; ++r) first[r] = key.key[0] + r * 0x9E3779B9u, second[r] = key.key[1] + r * 0xBB67AE85u;
  }
  uint64_t counter[2], first[kRounds], second[kRounds];
};

// The words of blocks first ... first + kGroups * kBlocks - 1. One block per 64-bit lane, of which only the lower half counts.
template <int kGroups>
inline void philox_words(const RoundKeys& keys, uint64_t first, uint16_t* words) {
  Wide index, c0[kGroups], c1[kGroups], c2[kGroups], c3[kGroups];
  for (int i = 0; i < kBlocks; ++i) index[i] = i;
  const Wide multiplier0 = Wide{} + 0xD2511F53u, multiplier1 = Wide{} + 0xCD9E8D57u;
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) {
    c0[g] = index + (first + g * kBlocks), c1[g] = c0[g] >> 32;
    c2[g] = Wide{} + keys.counter[0], c3[g] = Wide{} + keys.counter[1];
  }
#pragma GCC unroll 10
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) {
      const Wide p0 = multiply_low(c0[g], multiplier0), p1 = multiply_low(c2[g], multiplier1);
      c0[g] = (p1 >> 32) ^ c1[g] ^ (Wide{} + keys.first[round]);
      c2[g] = (p0 >> 32) ^ c3[g] ^ (Wide{} + keys.second[round]);
      c1[g] = p1, c3[g] = p0;
    }
  }
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g, words += kGroupWords) {
    const Wide low = (c0[g] & 0xffffffffu) | (c1[g] << 32), high = (c2[g] & 0xffffffffu) | (c3[g] << 32);
    const Wide out[2] = {zip_low<uint64_t>(low, high), zip_high<uint64_t>(low, high)};
    __builtin_memcpy(words, out, sizeof out);
  }
}

// n words and what is left of the last group.
template <int kGroups = kMostGroups>
void make_words(const RoundKeys& keys, uint64_t first_index, uint16_t* words, int64_t n) {
  constexpr int64_t kWords = kGroups * kGroupWords;
  for (; n >= (kGroups == 1 ? 1 : kWords); n -= kWords, words += kWords, first_index += kWords) {
    philox_words<kGroups>(keys, first_index / 8, words);
  }
  if constexpr (kGroups > 1) make_words<kGroups / 2>(keys, first_index, words, n);
}

template <class T>
void dropout(const PhiloxKey& key, uint64_t first_index, uint32_t threshold, T keep_scale, const T* x, T* y, int64_t n) {
  constexpr int64_t kWords = kMostGroups * kGroupWords;
  alignas(kVectorBytes) uint16_t words[kWords];
  const RoundKeys keys(key);
  for (int64_t done = 0; done < n; done += kWords) {
    const int64_t count = n - done < kWords ? n - done : kWords;
    make_words(keys, first_index + static_cast<uint64_t>(done), words, count);
    for_vectors<T>(count, [&](int64_t i, auto lanes) {
      const Vector<T> kept = lanes.load(x + done + i) * keep_scale;
      lanes.store(y + done + i, widen<T>(words + i) >= threshold ? kept : Vector<T>{});
    });
  }
}

void dropout_words(const PhiloxKey& key, uint64_t first_index, uint16_t* words, int64_t n) {
  make_words(RoundKeys(key), first_index, words, n);
}

}  // namespace

template <class T>
void fill_dropout(Simd<T>& table) {
  table.dropout = dropout<T>;
  table.dropout_words = dropout_words;
}
template void fill_dropout(Simd<float>&);
template void fill_dropout(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
