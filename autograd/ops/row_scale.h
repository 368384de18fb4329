// Every row of a matrix times a number of its own.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[i,j] = s[i] x[i,j] for x [n,d], s [n].
Var row_scale(const Var& x, const Var& s);

namespace row_scale_kernels {  // seam between row_scale.cpp (CPU) and row_scale.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, const Tensor& s, Tensor& y)> forward;
}

}  // namespace autograd
