// Root mean square normalisation with its learned scale.
#pragma once

#include "nn/dropout.h"
#include "nn/normed.h"
#include "nn/parameters.h"

namespace nn {

class RmsNorm {
 public:
  RmsNorm(Parameters& parameters, const std::string& name, int64_t width, double epsilon = 1e-6);

  Var operator()(const Var& x) const;  // [.., width]
  Normed of(const Var& x) const;       // the same, left to what reads it where that may be

  // s = residual + dropout(x) and the norm of s, in one pass.
  autograd::TwoVars of_sum(const Var& x, const Var& residual, const Dropout& dropout, const Context& context) const;

  Var w;  // [width], starting at 1

 private:
  std::string name_;
  double epsilon_;
};

}  // namespace nn
