// Sum of all elements.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = sum over all i of x[i]; y has rank 0. The sum of no elements is 0.
Var sum(const Var& x);

namespace sum_kernels {  // seam between sum.cpp (CPU) and sum.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, double a, Tensor& y)> forward;     // y = a sum(x)
extern tensor::Kernel<void(const Tensor& dy, double a, Tensor& dx)> backward;  // dx[i] = a dy
}  // namespace sum_kernels

}  // namespace autograd
