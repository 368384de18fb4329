// Softmax cross-entropy where every row may choose among its own candidates only, such as the children of a node of a trie.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// Lists of classes, packed: list s is classes[offsets[s] .. offsets[s+1]), each class at most once.
struct CandidateLists {
  Tensor offsets;  // i32 [lists + 1]
  Tensor classes;  // i32 [total]
};

// Mean over rows of -log( exp(logits[r, target]) / sum over classes c of the row's list of exp(logits[r, c]) ).
// logits is [rows, classes], targets and lists i32 [rows]; lists[r] is the number of row r's list, which holds its target.
// Rows with a negative target are ignored; no row left: 0. The other classes take no gradient. The result has rank 0.
Var candidate_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates);

namespace candidate_cross_entropy_kernels {
// lse[r] = log sum exp over the row's list (unset where ignored); weight [1] = 1 / number of rows that count, or 0.
extern tensor::Kernel<void(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates,
                           Tensor& loss, Tensor& lse, Tensor& weight)>
    forward;
extern tensor::Kernel<void(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates,
                           const Tensor& lse, const Tensor& weight, const Tensor& dloss, Tensor& dlogits)>
    backward;
}  // namespace candidate_cross_entropy_kernels

}  // namespace autograd
