// The feed-forward block of a Transformer.
#pragma once

#include "autograd/var.h"
#include "tensor/random.h"

namespace autograd {

struct FeedForwardWeights {
  Var up, up_bias, down, down_bias;  // [width, hidden], [hidden], [hidden, out], [out]; the biases may be undefined
};

// y = dropout(relu(x up + up_bias)) down + down_bias for x [.., width]: linear_relu_dropout and linear (autograd/ops/linear.h), in one
// operation where the CPU has one for both (tensor/feed_forward.h).
Var feed_forward(const Var& x, const FeedForwardWeights& weights, double p, const tensor::Random& stream);

}  // namespace autograd
