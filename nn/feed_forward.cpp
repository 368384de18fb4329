#include "nn/feed_forward.h"

#include "autograd/ops/feed_forward.h"
#include "nn/module.h"

namespace nn {

FeedForward::FeedForward(Parameters& parameters, const std::string& name, int64_t width, int64_t hidden,
                         const FeedForwardOptions& options)
    : up(parameters, name + ".up", width, hidden, {.bias = options.bias, .initializer = options.up}),
      down(parameters, name + ".down", hidden, width, {.bias = options.bias, .initializer = options.down}),
      name_(name),
      dropout_(name, options.dropout) {}

FeedForward::FeedForward(const std::string& name, Linear first, Linear second)
    : up(std::move(first)), down(std::move(second)), name_(name), dropout_(name, 0) {}

Var FeedForward::operator()(const Normed& x, const Context& context) const {
  if (up.packed() || joins_operations(x.x)) return down(hidden(x, context));
  const Var in = x.value();
  const autograd::FeedForwardWeights weights{up.w, up.b, down.w, down.b};
  if (!autograd::has_joined_feed_forward(in, weights)) return down(hidden(in, context));
  const ModuleScope scope(name_);
  return autograd::feed_forward(in, weights, dropout_.p(context), dropout_.stream(context));
}

Var FeedForward::hidden(const Normed& x, const Context& context) const {
  const ModuleScope scope(name_);
  return up.with_relu(x, dropout_, context);
}

}  // namespace nn
