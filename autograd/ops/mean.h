// Mean of all elements.
#pragma once

#include "autograd/var.h"

namespace autograd {

// y = sum over all i of x[i] / n, n > 0; y has rank 0. Its kernels are those of sum().
Var mean(const Var& x);

}  // namespace autograd
