// What identifies a stream of random numbers. Plain, so that the kernels of tensor/simd can include it.
#pragma once

#include <cstdint>

namespace tensor {

struct PhiloxKey {
  uint32_t key[2];      // the seed
  uint32_t counter[2];  // upper half of the counter: step, hash of the stream name
};

}  // namespace tensor
