// Mean squared error.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// loss = mean over all elements of (x - y)^2; same shapes, at least one element; rank 0.
Var mse(const Var& x, const Var& y);

namespace mse_kernels {  // seam between mse.cpp (CPU) and mse.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, const Tensor& y, Tensor& loss)> forward;
// dx = 2 (x - y) dloss / n
extern tensor::Kernel<void(const Tensor& x, const Tensor& y, const Tensor& dloss, Tensor& dx)> backward;
}  // namespace mse_kernels

}  // namespace autograd
