#include "nn/mlp.h"

#include "autograd/ops/leaky_relu.h"
#include "autograd/ops/relu.h"
#include "autograd/ops/sigmoid.h"
#include "autograd/ops/tanh.h"
#include "nn/module.h"

namespace nn {

Var activate(const Var& x, Activation activation) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return autograd::relu(x);
    case Activation::leaky_relu: return autograd::leaky_relu(x, 0.01);
    case Activation::sigmoid: return autograd::sigmoid(x);
    case Activation::tanh: return autograd::tanh(x);
  }
  tensor::fail(tensor::Fault::bug, "activation ", static_cast<int>(activation), " is unknown");
}

Mlp::Mlp(Parameters& parameters, const std::string& name, const std::vector<int64_t>& widths, const MlpOptions& options)
    : name_(name), activation_(options.activation) {
  tensor::require(widths.size() >= 2, name, ": needs at least two widths, got ", widths.size(),
                  "; give input and output width");
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    const std::string layer = tensor::join(name, ".", i);
    layers_.emplace_back(parameters, layer, widths[i], widths[i + 1],
                         LinearOptions{.bias = options.bias, .decay_bias = options.decay_bias, .initializer = options.initializer});
    dropouts_.emplace_back(layer, options.dropout);
  }
}

Var Mlp::operator()(const Var& x, const Context& context) const {
  const ModuleScope scope(name_);
  Var y = x;
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    const bool fused = activation_ == Activation::relu;
    y = fused ? layers_[i].with_relu(y) : activate(layers_[i](y), activation_);
    y = dropouts_[i](y, context);
  }
  return layers_.back()(y);
}

}  // namespace nn
