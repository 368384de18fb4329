// Product of two matrices, either of them transposed.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace autograd {

// y = op(a) op(b) [m,n], where op(a) is a [m,k], or the transpose of a [k,m]; op(b) is [k,n] likewise.
Var matmul(const Var& a, const Var& b, bool transpose_a = false, bool transpose_b = false);

namespace matmul_kernels {  // seam between matmul.cpp (CPU) and matmul.cu (CUDA)

struct Options {
  bool transpose_a = false, transpose_b = false;
  bool relu = false;   // y = relu(op(a) op(b) + bias)
  bool accumulate = false;  // y += op(a) op(b); neither bias nor ReLU
  double dropout = 0;  // then y = dropout(y), by this stream
  const tensor::Random* stream = nullptr;
};

// bias [n] may be undefined. a and b may be operands (below) and are viewed as matrices of their last dimension's width.
extern tensor::Kernel<void(const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, Options options)> product;

// x as the products of the precision in use read it, for an operation with several of them: on a GPU in bf16 x.rounded(), made
// here unless what made x has made it. The CPU rounds while it packs: x itself.
Tensor operand(const Tensor& x);
bool is_rounded(const Tensor& x);     // operand(x) is in bf16
Tensor rounded_of(const Tensor& x);   // memory for operand(x) where a kernel rounds what it writes to x; undefined: it shall not
Tensor with_operand(Tensor x);        // x, and operand(x) as x.rounded(): for many operations
extern tensor::Kernel<void(const Tensor& x, Tensor& y)> round;  // makes y, bf16, of fp32 x on the device

// A gradient that is a product of operands: target.gradient, filled.
Tensor product_into(Wanted::Target target, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b);

}  // namespace matmul_kernels

}  // namespace autograd
