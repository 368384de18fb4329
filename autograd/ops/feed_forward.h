// The feed-forward block of a Transformer.
#pragma once

#include "autograd/var.h"
#include "tensor/random.h"

namespace autograd {

struct FeedForwardWeights {
  Var up, up_bias, down, down_bias;  // [width, hidden], [hidden], [hidden, out], [out]; the biases may be undefined
};

// Whether the CPU has one operation for these (tensor/feed_forward.h), and they fit together.
bool has_joined_feed_forward(const Var& x, const FeedForwardWeights& weights);

// y = dropout(relu(x up + up_bias)) down + down_bias for x [.., width]: in one operation, or in linear_relu_dropout and linear
// (autograd/ops/linear.h).
Var feed_forward(const Var& x, const FeedForwardWeights& weights, double p, const tensor::Random& stream);

}  // namespace autograd
