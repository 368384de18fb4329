// Elementwise sum; the second term may be one row for all rows.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// z = x + y for x, y of one shape, or x [.., d] and y [d], which is added to every row.
Var add(const Var& x, const Var& y);

namespace add_kernels {  // seam between add.cpp (CPU) and add.cu (CUDA)
// y is repeated as often as it fits into x.
extern tensor::Kernel<void(const Tensor& x, const Tensor& y, Tensor& z)> forward;
}

}  // namespace autograd
