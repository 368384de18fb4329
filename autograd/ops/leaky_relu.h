// Rectified linear unit that lets a little of the negative side through.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = x where x > 0, else slope x; slope >= 0
Var leaky_relu(const Var& x, double slope = 0.01);

namespace leaky_relu_kernels {  // seam between leaky_relu.cpp (CPU) and leaky_relu.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, double slope, Tensor& y)> forward;
// dx = dy where y > 0, else slope dy
extern tensor::Kernel<void(const Tensor& y, double slope, const Tensor& dy, Tensor& dx)> backward;
}  // namespace leaky_relu_kernels

}  // namespace autograd
