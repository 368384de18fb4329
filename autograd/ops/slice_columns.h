// A range of the columns of a matrix.
#pragma once

#include "autograd/var.h"

namespace autograd {

// y = x[.., begin .. end) for x [.., d]; a copy. Its kernel is that of concat_columns().
Var slice_columns(const Var& x, int64_t begin, int64_t end);

}  // namespace autograd
