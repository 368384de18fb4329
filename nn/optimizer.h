// What all optimisers share: state tensors per parameter, kept under the parameter's name, and one step over all parameters.
// A parameter without a gradient is left alone, its state too.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/parameters.h"
#include "tensor/safetensors.h"

namespace nn {

using tensor::NamedTensors;

// One parameter in one step.
struct Update {
  Tensor w, g;
  Tensor m, v;    // state: two moments (Adam), the velocity in m (SGD)
  const int64_t* count;  // updates of this parameter, this one included
  bool decay;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  void set_learning_rate(double rate) { learning_rate_ = rate; }

  // gradient_scale, f64 of one element on the device of the gradients, multiplies them: what clipping asks for; undefined, it
  // is 1. One that is not finite leaves parameters and state tensors as they are. A step that is launched again
  // (tensor/cuda/replays.h) counts too, and takes the learning rate as it is then.
  void step(Parameters& parameters, const Tensor& gradient_scale = {});

  // "adam.m/encoder.w", "adam.v/encoder.w", "adam.count/encoder.w"; empty before the first step.
  NamedTensors state() const;
  // Takes what state() gave. The tensors must fit the parameters; errors begin with `source`.
  void load_state(const NamedTensors& state, const Parameters& parameters, const std::string& source);

 protected:
  Optimizer(const char* name, std::vector<const char*> slots) : name_(name), slots_(std::move(slots)) {}
  // learning_rate is valid for as long as this object lives.
  virtual void apply(std::vector<Update>& updates, const double& learning_rate, const Tensor& gradient_scale) const = 0;

 private:
  struct State {
    std::vector<Tensor> slots;  // in the order of slots_
    int64_t count = 0;
  };
  const char* name_;
  std::vector<const char*> slots_;
  double learning_rate_ = 1e-3;
  std::map<std::string, State> states_;  // parameter name -> state
};

}  // namespace nn
