// Attention of one new token per beam over what is cached: for decoding step by step. No derivative. Tables of rows are
// checked where they live on the CPU; those that a kernel made are in range. Always in fp32, but for decode_shared_attention: with
// few queries the time goes into reading the cache, and rounding it anew would add to that.
#pragma once

#include <vector>

#include "autograd/ops/attention.h"

namespace autograd {

// Self-attention. steps[t] holds the queries, keys and values [rows_t, 3*heads*width] of the rows that were alive at step t;
// the last step is the current one, whose queries attend -> [rows, heads*width]. ancestors, i32 [rows, steps], says which
// row of each step a beam descends from. The bias is by the distance of a step from the last one, as in attention.
// options.causal and options.dropout have no meaning here.
Tensor decode_attention(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                        const RelativeBias& bias = {});

// Cross-attention. Row r of q attends to the keys and values of user row_user[r], rows k_offsets[user] .. k_offsets[user+1]
// of kv [keys, 2*heads*width]. A user without keys gives 0.
Tensor decode_cross_attention(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                              const AttentionOptions& options);

// The same of heads that share their keys and values, which are one matrix too (see shared_attention): m [keys, width]. On the
// CPU only; in bf16 it rounds as shared_attention does.
Tensor decode_shared_attention(const Tensor& q, const Tensor& m, const Tensor& k_offsets, const Tensor& row_user,
                               const AttentionOptions& options);

namespace decode_attention_kernels {
extern tensor::Kernel<void(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                           const Tensor& table, const Tensor& buckets, Tensor& out)>
    self;
extern tensor::Kernel<void(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                           const AttentionOptions& options, Tensor& out)>
    cross;
extern tensor::Kernel<void(const Tensor& q, const Tensor& m, const Tensor& k_offsets, const Tensor& row_user,
                           const AttentionOptions& options, Tensor& out)>
    shared;
}  // namespace decode_attention_kernels

}  // namespace autograd
