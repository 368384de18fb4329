// Dropout of one place in a model, with the random stream of that place.
#pragma once

#include "autograd/var.h"
#include "nn/context.h"

namespace nn {

class Dropout {
 public:
  Dropout(const std::string& module, double p) : stream_("dropout/" + module), p_(p) {}

  // When training, zeroes elements with probability p and scales the rest by 1 / (1 - p); else the identity.
  autograd::Var operator()(const autograd::Var& x, const Context& context) const;
  // residual + dropout(x)
  autograd::Var add(const autograd::Var& x, const autograd::Var& residual, const Context& context) const;

  // For operations with dropout in the same pass.
  double p(const Context& context) const { return context.training ? p_ : 0; }
  tensor::Random stream(const Context& context) const { return context.stream(stream_); }

 private:
  std::string stream_;
  double p_;
};

}  // namespace nn
