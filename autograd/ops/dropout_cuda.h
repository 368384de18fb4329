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
      : key(stream.key()), threshold(p > 0 ? tensor::dropout_threshold(p) : 0), scale(static_cast<float>(1 / (1 - p))) {}

  // f(i, drop) for the elements of a block that lie in [begin, end), where drop(x) is what becomes of element i. Rounds as the
  // CPU does: no fused multiply-add.
  template <class F>
  __device__ void for_block(int64_t block, int64_t begin, int64_t end, F f) const {
    const tensor::PhiloxBlock bits =
        threshold > 0 ? tensor::philox_block(key, static_cast<uint64_t>(block)) : tensor::PhiloxBlock{};
    for (int word = 0; word < 8; ++word) {
      const int64_t i = 8 * block + word;
      if (i < begin || i >= end) continue;
      f(i, [&](float x) { return tensor::philox_word(bits, word) >= threshold ? __fmul_rn(x, scale) : 0.f; });
    }
  }

  // The same for all elements [begin, end), by the lanes of a warp.
  template <class F>
  __device__ void for_warp(int64_t begin, int64_t end, F f) const {
    for (int64_t block = begin / 8 + tensor::cuda::lane_of_warp(); 8 * block < end; block += tensor::cuda::kWarp) {
      for_block(block, begin, end, f);
    }
  }
};

}  // namespace autograd
