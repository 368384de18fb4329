// The affine map of a layer, with an optional ReLU and dropout in the same pass.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace autograd {

// y = x w + bias, or relu(x w + bias), for x [.., in], w [in,out], bias [out] or undefined; y is [.., out].
Var linear(const Var& x, const Var& w, const Var& bias = {}, bool relu = false);

// dropout(relu(x w + bias)), with the bits of dropout() (autograd/ops/dropout.h).
Var linear_relu_dropout(const Var& x, const Var& w, const Var& bias, double p, const tensor::Random& stream);

namespace linear_kernels {  // seam between linear.cpp (CPU) and linear.cu (CUDA); the products are matmul_kernels::product
// With ReLU, and dropout that multiplied by `scale`: g = scale dy where y > 0, else 0; dbias = the column sums of g, unless it
// is undefined. On a GPU g may be bf16, without dbias.
extern tensor::Kernel<void(const Tensor& y, const Tensor& dy, double scale, Tensor& g, Tensor& dbias)> relu_backward;
}

}  // namespace autograd
