// Dropout inside of kernels: the bits of the CPU, by blocks of 8 neighbouring elements that share a Philox block. Device code.
#pragma once

#include "autograd/ops/dropout.h"
#include "tensor/cuda/rows.h"

namespace autograd {

struct DeviceDropout {
  tensor::PhiloxKey key;
  uint32_t threshold;  // 0: keeps everything
  float scale;

  DeviceDropout(double p, const tensor::Random& stream)
      : key(stream.key()), threshold(p > 0 ? dropout_threshold(p) : 0), scale(static_cast<float>(1 / (1 - p))) {}

  __device__ tensor::PhiloxBlock bits(int64_t block) const {
    return threshold > 0 ? tensor::philox_block(key, static_cast<uint64_t>(block)) : tensor::PhiloxBlock{};
  }
  // Element `word` of a block. Rounds as the CPU does: no fused multiply-add.
  __device__ float operator()(const tensor::PhiloxBlock& bits, int word, float x) const {
    const bool kept = (bits.words[word / 2] >> (16 * (word % 2)) & 0xffffu) >= threshold;
    return kept ? __fmul_rn(x, scale) : 0.f;
  }

  // f(i, drop) for the elements [begin, end), by the lanes of a warp, where drop(x) is what becomes of element i.
  template <class F>
  __device__ void for_warp(int64_t begin, int64_t end, F f) const {
    for (int64_t block = begin / 8 + tensor::cuda::lane_of_warp(); 8 * block < end; block += tensor::cuda::kWarp) {
      const tensor::PhiloxBlock drawn = bits(block);
      for (int word = 0; word < 8; ++word) {
        const int64_t i = 8 * block + word;
        if (i >= begin && i < end) f(i, [&](float x) { return (*this)(drawn, word, x); });
      }
    }
  }
};

}  // namespace autograd
