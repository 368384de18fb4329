#include "nn/dropout.h"

#include "autograd/ops/dropout.h"

namespace nn {

using autograd::Var;

Var Dropout::operator()(const Var& x, const Context& context) const {
  return context.training ? autograd::dropout(x, p_, context.stream(stream_)) : x;
}

Var Dropout::add(const Var& x, const Var& residual, const Context& context) const {
  return autograd::dropout_add(x, residual, context.training ? p_ : 0, context.stream(stream_));
}

}  // namespace nn
