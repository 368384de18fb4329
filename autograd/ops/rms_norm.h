// Root mean square normalisation (Zhang and Sennrich 2019): a scale, no mean and no shift.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[r,:] = x[r,:] / sqrt(mean(x[r,:]^2) + epsilon) * w; w is [columns].
Var rms_norm(const Var& x, const Var& w, double epsilon = 1e-6);

namespace rms_norm_kernels {
// rrms = 1 / sqrt(mean(x^2) + epsilon) is [rows], kept for the backward pass.
extern tensor::Kernel<void(const Tensor& x, const Tensor& w, double epsilon, Tensor& y, Tensor& rrms)> forward;
extern tensor::Kernel<void(const Tensor& x, const Tensor& w, const Tensor& rrms, const Tensor& dy, Tensor& dx, Tensor& dw)>
    backward;
}  // namespace rms_norm_kernels

}  // namespace autograd
