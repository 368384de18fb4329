// Relation-aware self-attention of the MMGRec encoder (Eqs. 14-18): every head adds the same user term to its scores and
// values.
#pragma once

#include "autograd/ops/attention.h"

namespace autograd {

// Per sequence with user scalars (a, b, g) = s[sequence,:] and per head t, with Q, K, V = qkv and XU_Q, XU_K, XU_V = quv:
//   scores^t = scale (Q^t K^t^T + (a XU_Q) (b XU_K)^T),  out^t = softmax(scores^t) (V^t + g XU_V).
// qkv is [tokens, 3*heads*width], quv [tokens, 3*width], s [sequences, 3], offsets i32 [sequences+1] -> [tokens,
// heads*width]. The user term is computed once per sequence. Causal is not supported. In bf16
// Q^t K^t^T, softmax(..) (V^t + g XU_V) with the sum as one side, and their gradients round as in attention.h; the user term,
// XU_Q XU_K^T and its gradients, is fp32.
Var relation_attention(const Var& qkv, const Var& quv, const Var& s, const Tensor& offsets, const AttentionOptions& options);

namespace relation_attention_kernels {
// `saved` as in attention_kernels.
extern tensor::Kernel<void(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                           const AttentionOptions& options, Tensor& out, Tensor* saved)>
    forward;
extern tensor::Kernel<void(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                           const AttentionOptions& options, const Tensor& saved, const Tensor& dout, Tensor& dqkv,
                           Tensor& dquv, Tensor& ds)>
    backward;
}  // namespace relation_attention_kernels

}  // namespace autograd
