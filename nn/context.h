// What a forward pass needs besides its inputs: whether it trains, and where random numbers come from. Passed explicitly.
#pragma once

#include <string>

#include "tensor/random.h"

namespace nn {

struct Context {
  bool training = false;  // false: dropout is the identity
  uint64_t seed = 0;
  uint64_t step = 0;      // masks differ from step to step
  const int32_t* step_on_device = nullptr;  // see tensor::Random
  std::string pass = {};  // masks differ between passes; names the second pass through one module within a step

  // Streams are named after the module and its use: "dropout/encoder.layers.0.ffn".
  tensor::Random stream(const std::string& name) const {
    return {seed, pass.empty() ? name : pass + "/" + name, step, step_on_device};
  }
};

}  // namespace nn
