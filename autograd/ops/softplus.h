// Smooth rectifier; softplus(-x) = -log sigmoid(x).
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = log(1 + exp(x)), without overflow
Var softplus(const Var& x);

namespace softplus_kernels {  // seam between softplus.cpp (CPU) and softplus.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> forward;
// dx = dy sigmoid(x)
extern tensor::Kernel<void(const Tensor& x, const Tensor& dy, Tensor& dx)> backward;
}  // namespace softplus_kernels

}  // namespace autograd
