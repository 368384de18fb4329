// The input of a sub-layer, normalised. At inference on a GPU the norm may be left to the products that read it, which make it
// on the way (autograd/ops/fused_linear.h).
#pragma once

#include "autograd/var.h"

namespace nn {

using autograd::Var;

// Whether what is made of x now is an inference on a GPU, where operations are joined that together have no derivative.
bool joins_operations(const Var& x);

struct Normed {
  Normed(Var made) : x(std::move(made)) {}
  Normed(tensor::Tensor made) : x(std::move(made)) {}
  Normed(Var of, Var scale, double added) : x(std::move(of)), weight(std::move(scale)), epsilon(added) {}

  Var value() const;

  Var x;
  Var weight;  // undefined: x is normalised; else rms_norm(x, weight, epsilon) is meant
  double epsilon = 0;
};

}  // namespace nn
