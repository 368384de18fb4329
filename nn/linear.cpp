#include "nn/linear.h"

#include "autograd/ops/fused_linear.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/matmul.h"
#include "nn/module.h"

namespace nn {

Linear::Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out, const LinearOptions& options)
    : w(parameters.add(name + ".w", {in, out}, options.initializer)), name_(name) {
  if (options.bias) b = parameters.add(name + ".b", {out}, zeros(), {.decay = options.decay_bias});
}

Var Linear::apply(const Normed& x, bool relu) const {
  const ModuleScope scope(name_);
  if (packed_.defined()) {
    tensor::check(!autograd::Tape::current(), name_, ": is packed and does not learn");
    return packed_.product(x.value().value(), autograd::value_or_none(b), relu);
  }
  if (joins_operations(x.x)) {
    return autograd::fused_linear(x.x.value(), w.value(), autograd::value_or_none(b),
                                  {.norm = autograd::value_or_none(x.weight), .epsilon = x.epsilon, .relu = relu});
  }
  return autograd::linear(x.value(), w, b, relu);
}

Var Linear::operator()(const Normed& x) const { return apply(x, false); }

Var Linear::with_relu(const Normed& x) const { return apply(x, true); }

Var Linear::with_relu(const Normed& x, const Dropout& dropout, const Context& context) const {
  if (dropout.p(context) == 0) return apply(x, true);
  const ModuleScope scope(name_);
  return autograd::linear_relu_dropout(x.value(), w, b, dropout.p(context), dropout.stream(context));
}

void Linear::pack() {
  if (w.value().device() == tensor::Device::cpu) packed_ = tensor::PackedMatrix(w.value(), false, tensor::precision());
  else w = autograd::matmul_kernels::with_operand(w.value());
}

}  // namespace nn
