// For tests that compute on the device: it is emulated where the CUDA headers are installed, see docs/cuda.md.
#pragma once

#include "tensor/cuda/device.h"
#include "tests/catch.h"

namespace tests {

using On = tensor::DefaultDevice;

// Skips the test where there is none.
inline bool have_device() {
  const std::string missing = tensor::cuda::open();
  if (!missing.empty()) skip("no emulation of the CUDA kernels: " + missing);
  return missing.empty();
}

}  // namespace tests
