// The two pieces that every layer of MMGRec's Transformer shares.
#pragma once

#include <string>

#include "genrec/mmgrec/options.h"
#include "nn/context.h"
#include "nn/dropout.h"
#include "nn/feed_forward.h"
#include "nn/initializers.h"
#include "nn/parameters.h"

namespace genrec::mmgrec {

using autograd::Var;
using tensor::Tensor;

// LayerNorm(residual + dropout(x)); the scale and shift stay at 1 and 0 unless norm_affine.
class PostNorm {
 public:
  PostNorm(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width);
  Var operator()(const Var& x, const Var& residual, const nn::Context& context) const;

 private:
  nn::Dropout dropout_;
  Var gamma_, beta_;
};

// LayerNorm(x + dropout(relu(x W1) W2)), no biases.
class FeedForwardBlock {
 public:
  FeedForwardBlock(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width);
  Var operator()(const Var& x, const nn::Context& context) const;

  void pack() { layers_.pack(); }  // see nn::Linear

 private:
  nn::FeedForward layers_;
  PostNorm norm_;
};

}  // namespace genrec::mmgrec
