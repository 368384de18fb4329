// Multi-head attention over ragged batches: self- and cross-attention, causal or not. The projections are the caller's.
// Projections multiplied by each other before are in joined_projections.h, what makes attention relation-aware in user_term.h,
// one query against cached keys in decode_attention.h.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace autograd {

struct AttentionOptions {
  int heads = 1;
  double scale = 1;     // scores = scale (q . k)
  bool causal = false;  // query i of a sequence sees its keys 0..i; each sequence then has as many queries as keys
  // Dropout of the probabilities, in [0, 1): those of all sequences and heads, packed [sequence][head][query][key], are dropped
  // as dropout() would drop them, by `stream`.
  double dropout = 0;
  tensor::Random stream{0, "attention"};
  int rows_per_query = 1;  // of q, where q_offsets count something else: what shared_attention() makes of its heads
};

// A bias of the scores by the distance of key and query in their sequence (Raffel et al. 2020):
// scores[i,j] of head h = scale (q_i . k_j + table[bucket of j - i, h]). Distances beyond the reach count as the reach.
struct RelativeBias {
  Var table;       // [buckets, heads]; undefined: no bias
  Tensor buckets;  // i32 [2*reach+1]: the bucket of distance d is buckets[reach + d]
};

// An Error of `operation` if there is a bias and it does not fit q.
void require_bias(const char* operation, const RelativeBias& bias, const Tensor& q, int heads);

// q [queries, heads*width], k and v [keys, heads*width] -> [queries, heads*width]; column block h belongs to head h. Offsets
// are i32 [sequences+1]: the queries of sequence s are rows q_offsets[s] .. q_offsets[s+1], its keys likewise. out =
// dropout(softmax(scale q k^T)) v per sequence and head; a sequence without keys gives 0. In bf16 both
// sides of the two products, and of the four of the gradient, are rounded, as tensor/attention.h says; all else is fp32.
Var attention(const Var& q, const Var& k, const Var& v, const Tensor& q_offsets, const Tensor& k_offsets,
              const AttentionOptions& options);

// Self-attention on qkv [tokens, 3*heads*width], the columns of q, k and v side by side.
Var attention_qkv(const Var& qkv, const Tensor& offsets, const AttentionOptions& options, const RelativeBias& bias = {});

// Cross-attention on q [queries, heads*width] and kv [keys, 2*heads*width].
Var attention_kv(const Var& q, const Var& kv, const Tensor& q_offsets, const Tensor& k_offsets,
                 const AttentionOptions& options);

// Heads that share their keys and values, which are one matrix too (multi-query attention, Shazeer 2019): q [queries,
// heads*width] and m [keys, width] -> [queries, heads*width], head h's sums over m. Never causal. It is attention of one head
// with the heads of a query as rows: the probabilities are packed [sequence][query][head][key].
Var shared_attention(const Var& q, const Var& m, const Tensor& q_offsets, const Tensor& k_offsets,
                     const AttentionOptions& options);

// heads*width neighbouring columns of a matrix, from column `first` on.
struct Columns {
  Tensor matrix;
  int64_t first = 0;
  Tensor rounded = {};  // of a gradient: memory for the matrix in bf16, where it is wanted so too
};

// The inputs of attention, or their gradients.
struct AttentionInputs {
  Columns q, k, v;
  Tensor table;  // of the relative bias; undefined: none, or its gradient is not wanted
  bool add_to_table = false;  // the table's gradient is added to what is there
};

namespace attention_kernels {
// `saved`, where not null, is set to what backward on the same device needs: the probabilities, negative where dropped; on the CPU
// packed as above. The gradients of q, k, v may be columns of one matrix; together they cover it. Those of k and v
// may be the same columns, which then get the sum of both.
extern tensor::Kernel<void(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                           const AttentionInputs& inputs, const Tensor& buckets, Tensor& out, Tensor* saved)>
    forward;
extern tensor::Kernel<void(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                           const AttentionInputs& inputs, const Tensor& buckets, const Tensor& saved, const Tensor& dout,
                           AttentionInputs& gradients)>
    backward;
}  // namespace attention_kernels

}  // namespace autograd
