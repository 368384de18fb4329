// Inner products of the rows of two matrices.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[i] = sum over j of a[i,j] b[i,j] for a, b [n,d]; y is [n].
Var row_dot(const Var& a, const Var& b);

namespace row_dot_kernels {  // seam between row_dot.cpp (CPU) and row_dot.cu (CUDA)
extern tensor::Kernel<void(const Tensor& a, const Tensor& b, Tensor& y)> forward;
}

}  // namespace autograd
