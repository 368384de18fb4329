// Elementwise product.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// z[i] = x[i] y[i]; same shapes.
Var multiply(const Var& x, const Var& y);

namespace multiply_kernels {  // seam between multiply.cpp (CPU) and multiply.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, const Tensor& y, Tensor& z)> forward;
}

}  // namespace autograd
