// Logistic function.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = 1 / (1 + exp(-x))
Var sigmoid(const Var& x);

namespace sigmoid_kernels {  // seam between sigmoid.cpp (CPU) and sigmoid.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> forward;
// dx = dy y (1 - y)
extern tensor::Kernel<void(const Tensor& y, const Tensor& dy, Tensor& dx)> backward;
}  // namespace sigmoid_kernels

}  // namespace autograd
