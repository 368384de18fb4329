// Means over ragged groups of rows.
#pragma once

#include "autograd/var.h"

namespace autograd {

// y[s] = mean of the rows offsets[s] .. offsets[s+1] of x [n,d], for offsets i32 [segments+1] (see tensor/offsets.h); y is
// [segments,d]. An empty segment gives 0. Its kernels are those of segment_sum() and repeat_rows_by_segment().
Var segment_mean(const Var& x, const Tensor& offsets);

}  // namespace autograd
