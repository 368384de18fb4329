// Products of pairs of matrices, either side of them transposed.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[i] = op(a[i]) op(b[i]) [m,n], where op(a[i]) is a[i] [m,k], or the transpose of a[i] [k,m]; op(b[i]) is [k,n] likewise.
// a, b and y have 3 dimensions, the first of one size.
Var batched_matmul(const Var& a, const Var& b, bool transpose_a = false, bool transpose_b = false);

namespace batched_matmul_kernels {  // seam between batched_matmul.cpp (CPU) and batched_matmul.cu (CUDA)
extern tensor::Kernel<void(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b, Tensor& y)> product;
}

}  // namespace autograd
