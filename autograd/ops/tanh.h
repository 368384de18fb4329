// Hyperbolic tangent.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = tanh(x)
Var tanh(const Var& x);

namespace tanh_kernels {  // seam between tanh.cpp (CPU) and tanh.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> forward;
// dx = dy (1 - y^2)
extern tensor::Kernel<void(const Tensor& y, const Tensor& dy, Tensor& dx)> backward;
}  // namespace tanh_kernels

}  // namespace autograd
