// The end of one sub-layer of a Transformer and the start of the next in one pass: what the sub-layer gives is dropped out
// and added to the residual stream, and the sum is normalised.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace autograd {

// first = residual + dropout(x), second = rms_norm(first, w); as dropout_add and rms_norm do one after the other.
TwoVars dropout_add_rms_norm(const Var& x, const Var& residual, const Var& w, double p, const tensor::Random& stream,
                             double epsilon = 1e-6);

// layer_norm(residual + dropout(x), gamma, beta)
Var dropout_add_layer_norm(const Var& x, const Var& residual, const Var& gamma, const Var& beta, double p,
                           const tensor::Random& stream, double epsilon = 1e-5);

namespace dropout_add_norm_kernels {

struct Dropped {
  double p;
  tensor::Random stream;
};

// sum = residual + dropout(x), y its norm: layer norm, or without a shift root mean square. `mean` [rows] is of layer norm
// only; `inverse` [rows] is 1 / standard deviation or 1 / root mean square.
extern tensor::Kernel<void(const Tensor& x, const Tensor& residual, const Dropped& dropped, const Tensor& weight,
                           const Tensor& shift, double epsilon, Tensor& sum, Tensor& y, Tensor& mean, Tensor& inverse)>
    forward;

// dresidual = dsum + norm'(dy), dx = dropout(dresidual). dsum may be undefined (0), dx where p is 0; without `mean`, root mean
// square, so is dshift.
extern tensor::Kernel<void(const Tensor& sum, const Tensor& weight, const Tensor& mean, const Tensor& inverse,
                           const Dropped& dropped, const Tensor& dsum, const Tensor& dy, Tensor& dx, Tensor& dresidual,
                           Tensor& dweight, Tensor& dshift)>
    backward;

}  // namespace dropout_add_norm_kernels

}  // namespace autograd
