#include "nn/multi_head_attention.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "nn/module.h"

namespace nn {

namespace {

MultiHeadAttentionOptions checked(MultiHeadAttentionOptions options, const std::string& name) {
  tensor::require(options.heads > 0 && options.head_width > 0 && options.width > 0, name,
                  ": needs heads and widths above 0, got ", options.heads, " heads of width ",
                  options.head_width, ", model width ", options.width);
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(options.head_width));
  return options;
}

// Each head's query, key and value matrix is [D, W] and starts as one.
LinearOptions per_head(const MultiHeadAttentionOptions& options) {
  return {.bias = options.bias, .initializer = xavier_uniform(options.width, options.head_width)};
}

int64_t inner(const MultiHeadAttentionOptions& options) { return options.heads * options.head_width; }

}  // namespace

SelfAttention::SelfAttention(Parameters& parameters, const std::string& name, const MultiHeadAttentionOptions& options)
    : qkv(parameters, name + ".qkv", options.width, 3 * inner(options), per_head(options)),
      out(parameters, name + ".out", inner(options), options.width, {.bias = options.bias}),
      name_(name),
      options_(checked(options, name)) {}

Var SelfAttention::operator()(const Var& x, const Tensor& offsets) const {
  const ModuleScope scope(name_);
  return out(autograd::attention_qkv(qkv(x), offsets,
                                     {.heads = options_.heads, .scale = options_.scale, .causal = options_.causal}));
}

CrossAttention::CrossAttention(Parameters& parameters, const std::string& name, const MultiHeadAttentionOptions& options)
    : q(parameters, name + ".q", options.width, inner(options), per_head(options)),
      kv(parameters, name + ".kv", options.width, 2 * inner(options), per_head(options)),
      out(parameters, name + ".out", inner(options), options.width, {.bias = options.bias}),
      name_(name),
      options_(checked(options, name)) {
  tensor::require(!options.causal, name, ": cross-attention cannot be causal; set causal on self-attention only");
}

Var CrossAttention::operator()(const Var& x, const Var& memory, const Tensor& offsets, const Tensor& memory_offsets) const {
  const ModuleScope scope(name_);
  return out(autograd::attention_kv(q(x), kv(memory), offsets, memory_offsets,
                                    {.heads = options_.heads, .scale = options_.scale}));
}

}  // namespace nn
