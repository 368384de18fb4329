// The key of a random stream for kernels. Device code.
#pragma once

#include "tensor/cuda/launch.h"
#include "tensor/random.h"

namespace tensor::cuda {

class DeviceKey {
 public:
  DeviceKey() = default;
  DeviceKey(const Random& random) : key_(random.key()), step_(random.step_on_device()) {}

  __device__ PhiloxKey operator()() const {
    PhiloxKey key = key_;
    if (step_) key.counter[0] = static_cast<uint32_t>(*step_);
    return key;
  }

 private:
  PhiloxKey key_;
  const int32_t* step_;
};

}  // namespace tensor::cuda
