// Elementwise difference.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// z = x - y; same shapes.
Var subtract(const Var& x, const Var& y);

namespace subtract_kernels {  // seam between subtract.cpp (CPU) and subtract.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, const Tensor& y, Tensor& z)> forward;
}

}  // namespace autograd
