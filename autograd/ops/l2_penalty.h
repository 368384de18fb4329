// Quadratic penalty on several tensors at once.
#pragma once

#include <vector>

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = 1/2 sum over all elements of all tensors of x^2; rank 0.
Var l2_penalty(const std::vector<Var>& tensors);

namespace l2_penalty_kernels {  // seam between l2_penalty.cpp (CPU) and l2_penalty.cu (CUDA)
// y = (accumulate ? y : 0) + 1/2 sum x^2
extern tensor::Kernel<void(const Tensor& x, bool accumulate, Tensor& y)> forward;
// dx = dy x, where dy has one element
extern tensor::Kernel<void(const Tensor& x, const Tensor& dy, Tensor& dx)> backward;
}  // namespace l2_penalty_kernels

}  // namespace autograd
