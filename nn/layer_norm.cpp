#include "nn/layer_norm.h"

#include "autograd/ops/layer_norm.h"
#include "nn/module.h"

namespace nn {

LayerNorm::LayerNorm(Parameters& parameters, const std::string& name, int64_t width, double epsilon)
    : gamma(parameters.add(name + ".gamma", {width}, ones(), {.decay = false})),
      beta(parameters.add(name + ".beta", {width}, zeros(), {.decay = false})),
      name_(name),
      epsilon_(epsilon) {}

Var LayerNorm::operator()(const Var& x) const {
  const ModuleScope scope(name_);
  return autograd::layer_norm(x, gamma, beta, epsilon_);
}

}  // namespace nn
