// Sums over ragged groups of rows.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[s] = sum of the rows offsets[s] .. offsets[s+1] of x [n,d], for offsets i32 [segments+1] (see tensor/offsets.h); y is
// [segments,d]. An empty segment gives 0.
Var segment_sum(const Var& x, const Tensor& offsets);

namespace segment_sum_kernels {  // seam between segment_sum.cpp (CPU) and segment_sum.cu (CUDA)
// With `mean` each sum is divided by the segment's number of rows.
extern tensor::Kernel<void(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y)> forward;
}  // namespace segment_sum_kernels

}  // namespace autograd
