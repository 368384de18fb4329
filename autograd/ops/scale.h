// Product with a constant.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = a x
Var scale(const Var& x, double a);

namespace scale_kernels {  // seam between scale.cpp (CPU) and scale.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, double a, Tensor& y)> forward;
}

}  // namespace autograd
