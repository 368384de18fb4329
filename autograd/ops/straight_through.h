// The straight-through estimator: one value forward, the gradient of another.
#pragma once

#include "autograd/var.h"

namespace autograd {

// The value of b, as if it were a: the whole gradient goes to a, none to b. Same shapes.
Var straight_through(const Var& a, const Var& b);

}  // namespace autograd
