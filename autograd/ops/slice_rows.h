// A range of the rows of a tensor.
#pragma once

#include "autograd/var.h"

namespace autograd {

// y = x[begin .. end) along the first dimension; shares x's memory. Needs no kernel but copying.
Var slice_rows(const Var& x, int64_t begin, int64_t end);

}  // namespace autograd
