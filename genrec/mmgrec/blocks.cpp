#include "genrec/mmgrec/blocks.h"

#include "autograd/ops/dropout_add_norm.h"

namespace genrec::mmgrec {

PostNorm::PostNorm(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width)
    : dropout_(name, options.dropout),
      gamma_(parameters.add(name + ".gamma", {width}, nn::ones(), {.decay = false, .trainable = options.norm_affine})),
      beta_(parameters.add(name + ".beta", {width}, nn::zeros(), {.decay = false, .trainable = options.norm_affine})) {}

Var PostNorm::operator()(const Var& x, const Var& residual, const nn::Context& context) const {
  return autograd::dropout_add_layer_norm(x, residual, gamma_, beta_, dropout_.p(context), dropout_.stream(context));
}

FeedForwardBlock::FeedForwardBlock(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options,
                                   int width)
    : layers_{name, nn::Linear(parameters.add(name + ".up", {width, options.feed_forward}, nn::xavier_uniform())),
              nn::Linear(parameters.add(name + ".down", {options.feed_forward, width}, nn::xavier_uniform()))},
      norm_(parameters, name + ".norm", options, width) {}

Var FeedForwardBlock::operator()(const Var& x, const nn::Context& context) const {
  return norm_(layers_(x, context), x, context);
}

}  // namespace genrec::mmgrec
