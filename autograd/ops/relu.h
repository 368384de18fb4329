// Rectified linear unit.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = max(x, 0)
Var relu(const Var& x);

namespace relu_kernels {  // seam between relu.cpp (CPU) and relu.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> forward;
// dx = dy where y > 0, else 0
extern tensor::Kernel<void(const Tensor& y, const Tensor& dy, Tensor& dx)> backward;
}  // namespace relu_kernels

}  // namespace autograd
