// The named parameters of a model, in the order in which its layers asked for them. Layers keep the Var that add() returns;
// optimisers, checkpoints and reports walk the list.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/var.h"
#include "nn/initializers.h"

namespace nn {

using autograd::Var;
using tensor::DType;
using tensor::Shape;
using tensor::Tensor;

struct ParameterOptions {
  bool decay = true;      // AdamW shrinks it; layers say false for biases and the scales of norms
  bool trainable = true;  // false: a constant that is saved and loaded with the others
};

struct Parameter {
  std::string name;  // "encoder.layers.0.ffn.up.w"
  Var var;
  ParameterOptions options;
};

class Parameters {
 public:
  explicit Parameters(uint64_t seed = 0, DType dtype = DType::f32) : seed_(seed), dtype_(dtype) {}
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  // Its first values depend on the seed and the name only, not on what was added before. It lives on the default device.
  Var add(const std::string& name, Shape shape, const Initializer& initializer, ParameterOptions options = {});

  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  size_t size() const { return list_.size(); }
  const Parameter* find(const std::string& name) const;  // nullptr when there is none
  int64_t elements() const;                              // of the trainable ones
  uint64_t seed() const { return seed_; }
  DType dtype() const { return dtype_; }

  void clear_gradients();
  void move_to(tensor::Device device);  // values move, gradients are dropped

 private:
  uint64_t seed_;
  DType dtype_;
  std::vector<Parameter> list_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace nn
