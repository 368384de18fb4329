#include "nn/linear.h"

#include "autograd/ops/linear.h"
#include "nn/module.h"

namespace nn {

Linear::Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out, const LinearOptions& options)
    : w(parameters.add(name + ".w", {in, out}, options.initializer)), name_(name) {
  if (options.bias) b = parameters.add(name + ".b", {out}, zeros(), {.decay = options.decay_bias});
}

Var Linear::apply(const Var& x, bool relu) const {
  const ModuleScope scope(name_);
  if (packed_.defined()) {
    tensor::check(!autograd::Tape::current(), name_, ": is packed and does not learn");
    return packed_.product(x.value(), b.defined() ? b.value() : Tensor(), relu);
  }
  return autograd::linear(x, w, b, relu);
}

Var Linear::operator()(const Var& x) const { return apply(x, false); }

Var Linear::with_relu(const Var& x) const { return apply(x, true); }

Var Linear::with_relu(const Var& x, const Dropout& dropout, const Context& context) const {
  if (dropout.p(context) == 0) return apply(x, true);
  const ModuleScope scope(name_);
  return autograd::linear_relu_dropout(x, w, b, dropout.p(context), dropout.stream(context));
}

void Linear::pack() { packed_ = tensor::PackedMatrix(w.value(), false, tensor::precision()); }

}  // namespace nn
