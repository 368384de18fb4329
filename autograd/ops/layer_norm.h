// Layer normalisation (Ba et al. 2016).
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[r,:] = (x[r,:] - mean) / sqrt(variance + epsilon) * gamma + beta; gamma and beta are [columns].
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon = 1e-5);

namespace layer_norm_kernels {
// mean and rstd = 1 / sqrt(variance + epsilon) are [rows], kept for the backward pass.
extern tensor::Kernel<void(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon, Tensor& y, Tensor& mean,
                           Tensor& rstd)>
    forward;
extern tensor::Kernel<void(const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd, const Tensor& dy,
                           Tensor& dx, Tensor& dgamma, Tensor& dbeta)>
    backward;
}  // namespace layer_norm_kernels

}  // namespace autograd
