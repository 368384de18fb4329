#include "nn/dropout.h"

#include "autograd/ops/add.h"
#include "autograd/ops/dropout.h"

namespace nn {

using autograd::Var;

Var Dropout::operator()(const Var& x, const Context& context) const {
  return context.training ? autograd::dropout(x, p_, context.stream(stream_)) : x;
}

Var Dropout::add(const Var& x, const Var& residual, const Context& context) const {
  if (!context.training) return autograd::add(x, residual);
  return autograd::dropout_add(x, residual, p_, context.stream(stream_));
}

}  // namespace nn
