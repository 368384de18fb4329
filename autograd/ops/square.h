// Elementwise square.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = x^2
Var square(const Var& x);

namespace square_kernels {  // seam between square.cpp (CPU) and square.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> forward;
// dx = 2 x dy
extern tensor::Kernel<void(const Tensor& x, const Tensor& dy, Tensor& dx)> backward;
}  // namespace square_kernels

}  // namespace autograd
