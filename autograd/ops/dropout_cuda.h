// Dropout inside of kernels: the bits of the CPU. Device code.
#pragma once

#include "autograd/ops/dropout.h"
#include "tensor/cuda/random.h"

namespace autograd {

struct DeviceDropout {
  tensor::cuda::DeviceKey key;
  uint32_t threshold;  // 0: keeps everything
  float scale;

  DeviceDropout(double p, const tensor::Random& stream)
      : key(stream), threshold(p > 0 ? tensor::dropout_threshold(p) : 0), scale(static_cast<float>(1 / (1 - p))) {}

  // What becomes of x, element i. The 8 elements of a Philox block draw it each for itself, so that neighbouring threads can take
  // neighbouring elements. Rounds as the CPU does: no fused multiply-add.
  __device__ float operator()(int64_t i, float x) const {
    return threshold == 0 || word(static_cast<uint64_t>(i)) >= threshold ? __fmul_rn(x, scale) : 0.f;
  }

 private:
  // philox_word(block, i % 8) without an index into the block, which would send it to memory.
  __device__ uint32_t word(uint64_t i) const {
    const auto [w0, w1, w2, w3] = tensor::philox_block(key(), i / 8).words;
    const uint64_t half = i & 4 ? uint64_t{w3} << 32 | w2 : uint64_t{w1} << 32 | w0;
    return half >> 16 * (i & 3) & 0xffffu;
  }
};

}  // namespace autograd
