// Softmax of every row.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[r,:] = exp(x[r,:] - max) / sum; x is [..., columns] with at least one column.
Var softmax(const Var& x);

namespace softmax_kernels {
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> forward;
extern tensor::Kernel<void(const Tensor& y, const Tensor& dy, Tensor& dx)> backward;  // dx = y (dy - sum(dy y))
}  // namespace softmax_kernels

}  // namespace autograd
