#include "nn/multi_head_attention.h"

#include <cmath>

#include "autograd/ops/decode_attention.h"
#include "nn/module.h"
#include "tensor/precision.h"

namespace nn {

namespace {

MultiHeadAttentionOptions checked(MultiHeadAttentionOptions options, const std::string& name) {
  tensor::require(options.heads > 0 && options.head_width > 0 && options.width > 0, name,
                  ": needs heads and widths above 0, got ", options.heads, " heads of width ",
                  options.head_width, ", model width ", options.width);
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(options.head_width));
  return options;
}

// A projection whose blocks of columns start with these deviations. Glorot and Bengio's (0): each head's query, key and
// value matrix is [D, W] and starts as one.
LinearOptions projection(const MultiHeadAttentionOptions& options, const std::vector<double>& deviations) {
  return {.bias = options.bias,
          .initializer = deviations[0] > 0 ? normal_blocks(deviations) : xavier_uniform(options.width, options.head_width)};
}

LinearOptions output(const MultiHeadAttentionOptions& options) {
  return {.bias = options.bias, .initializer = options.out_deviation > 0 ? normal(options.out_deviation) : xavier_uniform()};
}

autograd::AttentionOptions attention_options(const MultiHeadAttentionOptions& options, const std::string& name,
                                             const Context& context) {
  autograd::AttentionOptions result{.heads = options.heads, .scale = options.scale, .causal = options.causal};
  if (!context.training || options.dropout == 0) return result;
  result.dropout = options.dropout;
  result.stream = context.stream("dropout/" + name + ".probabilities");
  return result;
}

int64_t inner(const MultiHeadAttentionOptions& options) { return options.heads * options.head_width; }

}  // namespace

SelfAttention::SelfAttention(SelfProjections projections, const std::string& name, const MultiHeadAttentionOptions& options)
    : SelfProjections(std::move(projections)), name_(name), options_(checked(options, name)) {}

SelfAttention::SelfAttention(Parameters& parameters, const std::string& name, const MultiHeadAttentionOptions& options)
    : SelfAttention({{parameters, name + ".qkv", options.width, 3 * inner(options),
                      projection(options, {options.q_deviation, options.kv_deviation, options.kv_deviation})},
                     {parameters, name + ".out", inner(options), options.width, output(options)}}, name, options) {}

Var SelfAttention::heads(const Normed& x, const Tensor& offsets, const Context& context,
                         const autograd::RelativeBias& bias) const {
  const ModuleScope scope(name_);
  return autograd::attention_qkv(qkv(x), offsets, attention_options(options_, name_, context), bias);
}

Tensor SelfAttention::step(const Normed& x, std::vector<Tensor>& cache, const Tensor& ancestors,
                           const autograd::RelativeBias& bias) const {
  const ModuleScope scope(name_);
  cache.push_back(qkv(x).value());
  return autograd::decode_attention(cache, ancestors, attention_options(options_, name_, {}), bias);
}

CrossAttention::CrossAttention(Parameters& parameters, const std::string& name, const MultiHeadAttentionOptions& options)
    : CrossAttention({{parameters, name + ".q", options.width, inner(options), projection(options, {options.q_deviation})},
                      {parameters, name + ".kv", options.width, 2 * inner(options), projection(options, {options.kv_deviation})},
                      {parameters, name + ".out", inner(options), options.width, output(options)}}, name, options) {}

CrossAttention::CrossAttention(CrossProjections projections, const std::string& name,
                               const MultiHeadAttentionOptions& options)
    : CrossProjections(std::move(projections)), name_(name), options_(checked(options, name)) {
  tensor::require(!options.causal, name, ": cross-attention cannot be causal; set causal on self-attention only");
}

// Whether it takes fewer multiplications in a large batch: queries and sums over the memory are as wide as the memory then, but no
// keys and values are made of it. Multiplying the weights, once, and the few more of attention itself are not counted.
bool CrossAttention::joins_projections(int64_t queries, int64_t keys) const {
  return !options_.bias && queries * (options_.width - options_.head_width) < keys * options_.head_width;
}

Var CrossAttention::operator()(const Normed& x, const Var& memory, const Tensor& offsets, const Tensor& memory_offsets,
                               const Context& context) const {
  const ModuleScope scope(name_);
  const autograd::AttentionOptions options = attention_options(options_, name_, context);
  if (!joins_projections(x.x.rows(), memory.rows())) {
    return out(autograd::attention_kv(q(x), kv(memory), offsets, memory_offsets, options));
  }
  const JoinedLinears by = joined();
  return by.values(autograd::shared_attention(by.keys(x), memory, offsets, memory_offsets, options));
}

// Whether a step does so too. Joined, heads as wide as the memory cost nothing more and others a little, which tiles make up for:
// with many queries over one matrix they are full. The kernels of a GPU read keys and values.
bool CrossAttention::reads_memory() const {
  const bool bf16 = tensor::precision() == tensor::Precision::bf16;
  return !options_.bias && q.w.value().device() == tensor::Device::cpu &&
         options_.width <= (bf16 ? 2 : 1) * options_.head_width;
}

JoinedLinears CrossAttention::joined() const {
  return packed_.defined() ? packed_ : JoinedLinears(autograd::joined_projections(q.w, kv.w, out.w, options_.heads));
}

void CrossAttention::pack() {
  if (!reads_memory()) return q.pack(), kv.pack(), out.pack();
  packed_ = joined();
  packed_.pack();
}

CrossAttention::Step CrossAttention::step(const Normed& x, const Tensor& remembered, const Tensor& memory_offsets,
                                          const Tensor& row_user) const {
  const ModuleScope scope(name_);
  const autograd::AttentionOptions options = attention_options(options_, name_, {});
  if (!reads_memory()) {
    return {autograd::decode_cross_attention(q(x).value(), remembered, memory_offsets, row_user, options), out};
  }
  const JoinedLinears by = joined();
  return {autograd::decode_shared_attention(by.keys(x).value(), remembered, memory_offsets, row_user, options), by.values};
}

}  // namespace nn
