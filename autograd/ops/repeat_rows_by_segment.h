// One row for each ragged group, repeated for every member of the group.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[i] = x[s] for offsets[s] <= i < offsets[s+1]; x is [segments,d], offsets i32 [segments+1] ending at `rows`, y [rows,d].
Var repeat_rows_by_segment(const Var& x, const Tensor& offsets, int64_t rows);

namespace repeat_rows_by_segment_kernels {  // seam between repeat_rows_by_segment.cpp (CPU) and .cu (CUDA)
// With `mean` each row is divided by the segment's number of rows.
extern tensor::Kernel<void(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y)> forward;
}  // namespace repeat_rows_by_segment_kernels

}  // namespace autograd
