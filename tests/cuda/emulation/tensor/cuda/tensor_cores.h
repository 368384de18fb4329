// Emulation: stands in for tensor/cuda/tensor_cores.h. The lanes of a warp meet, and each reads what it needs from the
// registers of the lane that holds it by NVIDIA's table: where an element lives, the other way round than in product_tile.h,
// so that a wrong lane shows.
#pragma once

#include "tensor/cuda/launch.h"
#include "tensor/precision.h"

namespace tensor::cuda {

inline uint32_t pack_bf16(float low, float high) { return bf16_bits(low) | uint32_t{bf16_bits(high)} << 16; }

struct EmulatedOperands {
  uint32_t a[4], b[2];
};
inline EmulatedOperands emulated_operands[1024];  // of the threads of a block

inline void multiply_add(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z), lane = thread % 32;
  const EmulatedOperands* warp = emulated_operands + (thread - lane);
  EmulatedOperands& own = emulated_operands[thread];
  std::memcpy(own.a, a, sizeof own.a), std::memcpy(own.b, b, sizeof own.b);
  const auto half = [](uint32_t packed, unsigned which) { return bf16_value(static_cast<uint16_t>(packed >> 16 * which)); };
  __syncwarp();
  for (unsigned e = 0; e < 4; ++e) {
    const unsigned row = lane / 4 + 8 * (e / 2), column = lane % 4 * 2 + e % 2;
    float sum = 0;
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned in_group = k % 8 / 2;
      sum += half(warp[row % 8 * 4 + in_group].a[row / 8 + k / 8 * 2], k % 2) *
             half(warp[column * 4 + in_group].b[k / 8], k % 2);
    }
    sums[e] += sum;
  }
  __syncwarp();  // before the registers are written again
}

}  // namespace tensor::cuda
