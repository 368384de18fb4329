// Dropout with the random bits of tensor::philox, made for many blocks at once: the same bits on every set and for any T.
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

using Wide = Vector<uint64_t>;
constexpr int kBlocks = kLanes<uint64_t>;  // Philox blocks of 8 words of 16 bits in one go
constexpr int kWords = 8 * kBlocks;

// The words of blocks first ... first + kBlocks - 1. One block per 64-bit lane, of which only the lower half counts.
inline void philox_words(const PhiloxKey& key, uint64_t first, uint16_t* words) {
  Wide index;
  for (int i = 0; i < kBlocks; ++i) index[i] = i;
  index += first;
  const Wide multiplier0 = Wide{} + 0xD2511F53u, multiplier1 = Wide{} + 0xCD9E8D57u;
  Wide c0 = index, c1 = index >> 32, c2 = Wide{} + key.counter[0], c3 = Wide{} + key.counter[1];
  uint32_t k0 = key.key[0], k1 = key.key[1];
  for (int round = 0; round < 10; ++round) {
    const Wide p0 = multiply_low(c0, multiplier0), p1 = multiply_low(c2, multiplier1);
    c0 = (p1 >> 32) ^ c1 ^ (Wide{} + k0);
    c2 = (p0 >> 32) ^ c3 ^ (Wide{} + k1);
    c1 = p1;
    c3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const Wide low = (c0 & 0xffffffffu) | (c1 << 32), high = (c2 & 0xffffffffu) | (c3 << 32);
  const Wide out[2] = {zip_low<uint64_t>(low, high), zip_high<uint64_t>(low, high)};
  __builtin_memcpy(words, out, sizeof out);
}

template <class T>
void dropout(const PhiloxKey& key, uint64_t first_index, uint32_t threshold, T keep_scale, const T* x, T* y, int64_t n) {
  alignas(kVectorBytes) uint16_t words[kWords];
  for (int64_t done = 0; done < n; done += kWords) {
    philox_words(key, (first_index + static_cast<uint64_t>(done)) / 8, words);
    const int64_t count = n - done < kWords ? n - done : kWords;
    for_vectors<T>(count, [&](int64_t i, auto lanes) {
      const Vector<T> kept = lanes.load(x + done + i) * keep_scale;
      lanes.store(y + done + i, widen<T>(words + i) >= threshold ? kept : Vector<T>{});
    });
  }
}

void dropout_words(const PhiloxKey& key, uint64_t first_index, uint16_t* words, int64_t n) {
  for (int64_t done = 0; done < n; done += kWords) {
    philox_words(key, (first_index + static_cast<uint64_t>(done)) / 8, words + done);
  }
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
