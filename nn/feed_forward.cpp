#include "nn/feed_forward.h"

#include "nn/module.h"

namespace nn {

FeedForward::FeedForward(Parameters& parameters, const std::string& name, int64_t width, int64_t hidden,
                         const FeedForwardOptions& options)
    : up(parameters, name + ".up", width, hidden, {.bias = options.bias, .initializer = options.up}),
      down(parameters, name + ".down", hidden, width, {.bias = options.bias, .initializer = options.down}),
      name_(name),
      dropout_(name, options.dropout) {}

Var FeedForward::hidden(const Normed& x, const Context& context) const {
  const ModuleScope scope(name_);
  return up.with_relu(x, dropout_, context);
}

}  // namespace nn
