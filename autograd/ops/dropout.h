// Dropout. The mask is a function of (stream, element) and is computed again in the backward pass, never stored.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace autograd {

// y = x / (1-p) where kept, else 0; every element is dropped with probability p in [0, 1). p = 0 returns x itself.
// `stream` names the use and carries the step: two calls with one stream drop the same elements.
Var dropout(const Var& x, double p, const tensor::Random& stream);

// residual + dropout(x) in one pass; same shapes.
Var dropout_add(const Var& x, const Var& residual, double p, const tensor::Random& stream);

namespace dropout_kernels {
// y = dropout(x) + residual; the residual may be undefined (0). Also the gradient: dx = dropout(dy).
extern tensor::Kernel<void(const Tensor& x, const Tensor& residual, double p, const tensor::Random& stream, Tensor& y)>
    apply;
}  // namespace dropout_kernels

}  // namespace autograd
