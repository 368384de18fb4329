#include "nn/rms_norm.h"

#include "autograd/ops/dropout_add_norm.h"
#include "autograd/ops/rms_norm.h"
#include "nn/module.h"

namespace nn {

RmsNorm::RmsNorm(Parameters& parameters, const std::string& name, int64_t width, double epsilon)
    : w(parameters.add(name + ".w", {width}, ones(), {.decay = false})), name_(name), epsilon_(epsilon) {}

Var RmsNorm::operator()(const Var& x) const {
  const ModuleScope scope(name_);
  return autograd::rms_norm(x, w, epsilon_);
}

Normed RmsNorm::of(const Var& x) const {
  return joins_operations(x) ? Normed(x, w, epsilon_) : Normed((*this)(x));
}

autograd::TwoVars RmsNorm::of_sum(const Var& x, const Var& residual, const Dropout& dropout, const Context& context) const {
  const ModuleScope scope(name_);
  return autograd::dropout_add_rms_norm(x, residual, w, dropout.p(context), dropout.stream(context), epsilon_);
}

}  // namespace nn
