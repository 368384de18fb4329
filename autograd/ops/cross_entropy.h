// Softmax cross-entropy with integer targets.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// Mean over the rows with target >= 0 of -sum_v t[v] log softmax(logits)[v], t = (1-s) onehot(target) + s / classes with
// s = label_smoothing. logits is [rows, classes], targets i32 [rows]; rows with a negative target are ignored.
// No row left: 0, with zero gradient. The result has rank 0.
Var cross_entropy(const Var& logits, const Tensor& targets, double label_smoothing = 0);

namespace cross_entropy_kernels {
// lse[r] = log sum exp of row r (unset where ignored); weight [1] = 1 / number of rows that count, or 0.
extern tensor::Kernel<void(const Tensor& logits, const Tensor& targets, double label_smoothing, Tensor& loss, Tensor& lse,
                           Tensor& weight)>
    forward;
extern tensor::Kernel<void(const Tensor& logits, const Tensor& targets, double label_smoothing, const Tensor& lse,
                           const Tensor& weight, const Tensor& dloss, Tensor& dlogits)>
    backward;
}  // namespace cross_entropy_kernels

}  // namespace autograd
