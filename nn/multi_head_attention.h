// Multi-head attention over ragged batches with its projections. The heads have a width of their own: heads * head_width
// need not be the model's width. A residual, norm or dropout around it is the caller's.
#pragma once

#include "autograd/ops/attention.h"
#include "nn/context.h"
#include "nn/joined_linears.h"

namespace nn {

struct MultiHeadAttentionOptions {
  int64_t width = 64;       // D, of the input and the output
  int heads = 1;            // H
  int64_t head_width = 64;  // W
  double scale = 0;         // of the scores; 0: 1 / sqrt(head_width)
  bool causal = false;      // self-attention only
  bool bias = false;
  double dropout = 0;       // of the probabilities
  // Standard deviations of normal starts of the projections; 0: as Glorot and Bengio.
  double q_deviation = 0, kv_deviation = 0, out_deviation = 0;
};

struct SelfProjections {
  Linear qkv;  // [D, 3*H*W]: queries, keys, values side by side
  Linear out;  // [H*W, D]
};

class SelfAttention : public SelfProjections {
 public:
  SelfAttention(Parameters& parameters, const std::string& name, const MultiHeadAttentionOptions& options);
  SelfAttention(SelfProjections projections, const std::string& name, const MultiHeadAttentionOptions& options);

  // x [tokens, D], offsets i32 [sequences+1] -> [tokens, D]. The context matters to dropout only.
  Var operator()(const Normed& x, const Tensor& offsets, const Context& context = {},
                 const autograd::RelativeBias& bias = {}) const {
    return out(heads(x, offsets, context, bias));
  }
  // What `out` reads, [tokens, H*W].
  Var heads(const Normed& x, const Tensor& offsets, const Context& context, const autograd::RelativeBias& bias) const;
  // The same of one token of every beam, x [rows, D] -> [rows, H*W]: appends this step's queries, keys and values
  // [rows, 3*H*W] to `cache`; ancestors and bias as in decode_attention.
  Tensor step(const Normed& x, std::vector<Tensor>& cache, const Tensor& ancestors,
              const autograd::RelativeBias& bias = {}) const;
  const MultiHeadAttentionOptions& options() const { return options_; }  // with the scale that is used
  void pack() { qkv.pack(), out.pack(); }                                // see Linear

 private:
  std::string name_;
  MultiHeadAttentionOptions options_;
};

struct CrossProjections {
  Linear q;    // [D, H*W]
  Linear kv;   // [D, 2*H*W]
  Linear out;  // [H*W, D]
};

class CrossAttention : public CrossProjections {
 public:
  CrossAttention(Parameters& parameters, const std::string& name, const MultiHeadAttentionOptions& options);
  CrossAttention(CrossProjections projections, const std::string& name, const MultiHeadAttentionOptions& options);

  // x [queries, D], memory [keys, D], offsets i32 [sequences+1] each -> [queries, D]
  Var operator()(const Normed& x, const Var& memory, const Tensor& offsets, const Tensor& memory_offsets,
                 const Context& context = {}) const;
  // What step reads of the memory: its keys and values [keys, 2*H*W], or itself.
  Tensor remember(const Tensor& memory) const { return reads_memory() ? memory : kv(memory).value(); }
  // The same of one token of every beam, x [rows, D]: row r reads what is remembered of user row_user[r]. Gives `sums`, of which
  // last(sums) is the output.
  struct Step {
    Tensor sums;
    Linear last;
  };
  Step step(const Normed& x, const Tensor& remembered, const Tensor& memory_offsets, const Tensor& row_user) const;
  const MultiHeadAttentionOptions& options() const { return options_; }
  void pack();

 private:
  bool joins_projections(int64_t queries, int64_t keys) const;
  bool reads_memory() const;
  JoinedLinears joined() const;
  std::string name_;
  MultiHeadAttentionOptions options_;
  JoinedLinears packed_;  // what joined() makes, once packed
};

}  // namespace nn
