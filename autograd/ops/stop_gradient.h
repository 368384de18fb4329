// A value cut off from how it was made.
#pragma once

#include "autograd/var.h"

namespace autograd {

// The value of x as a constant: nothing is recorded and no gradient passes.
inline Var stop_gradient(const Var& x) { return Var(x.value()); }

}  // namespace autograd
