// Root mean square normalisation with its learned scale.
#pragma once

#include "nn/parameters.h"

namespace nn {

class RmsNorm {
 public:
  RmsNorm(Parameters& parameters, const std::string& name, int64_t width, double epsilon = 1e-6);

  Var operator()(const Var& x) const;  // [.., width]

  Var w;  // [width], starting at 1

 private:
  std::string name_;
  double epsilon_;
};

}  // namespace nn
