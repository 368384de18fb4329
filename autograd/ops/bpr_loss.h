// Bayesian personalised ranking (Rendle et al. 2009).
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// loss = mean over i of -log sigmoid(positive[i] - negative[i]), computed as softplus; both [n], n > 0; loss has rank 0.
Var bpr_loss(const Var& positive, const Var& negative);

namespace bpr_loss_kernels {  // seam between bpr_loss.cpp (CPU) and bpr_loss.cu (CUDA)
extern tensor::Kernel<void(const Tensor& positive, const Tensor& negative, Tensor& loss)> forward;
// dnegative = sigmoid(negative - positive) dloss / n; dpositive is its negation.
extern tensor::Kernel<void(const Tensor& positive, const Tensor& negative, const Tensor& dloss, Tensor& dnegative)> backward;
}  // namespace bpr_loss_kernels

}  // namespace autograd
