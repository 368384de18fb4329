// Layer normalisation with its learned scale and shift.
#pragma once

#include "nn/parameters.h"

namespace nn {

class LayerNorm {
 public:
  LayerNorm(Parameters& parameters, const std::string& name, int64_t width, double epsilon = 1e-5);

  Var operator()(const Var& x) const;  // [.., width]

  Var gamma, beta;  // [width], starting at 1 and 0

 private:
  std::string name_;
  double epsilon_;
};

}  // namespace nn
