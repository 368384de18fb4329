#include "nn/t5_layers.h"

#include <cmath>

#include "autograd/ops/add.h"
#include "nn/module.h"

namespace nn {

namespace {

double inverse_root(int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); }

// The starts make up for the missing scale of the scores: q begins smaller by sqrt(W).
MultiHeadAttentionOptions attention(const T5Options& options, bool causal) {
  return {.width = options.width,
          .heads = options.heads,
          .head_width = options.head_width,
          .scale = 1,
          .causal = causal,
          .dropout = options.dropout,
          .q_deviation = inverse_root(options.width * options.head_width),
          .kv_deviation = inverse_root(options.width),
          .out_deviation = inverse_root(options.heads * options.head_width)};
}

}  // namespace

T5FeedForward::T5FeedForward(Parameters& parameters, const std::string& name, const T5Options& options)
    : norm_(parameters, name + ".norm", options.width),
      ffn_(parameters, name, options.width, options.feed_forward,
           {.dropout = options.dropout,
            .up = normal(inverse_root(options.width)),
            .down = normal(inverse_root(options.feed_forward))}),
      dropout_(name + ".output", options.dropout) {}

Var T5FeedForward::operator()(const Var& x, const Context& context) const {
  return dropout_.add(ffn_(norm_(x), context), x, context);
}

T5EncoderLayer::T5EncoderLayer(Parameters& parameters, const std::string& name, const T5Options& options)
    : name_(name),
      norm_(parameters, name + ".self.norm", options.width),
      attention_(parameters, name + ".self", attention(options, false)),
      dropout_(name + ".self.output", options.dropout),
      ffn_(parameters, name + ".ffn", options) {}

Var T5EncoderLayer::operator()(const Var& x, const Tensor& offsets, const autograd::RelativeBias& bias,
                               const Context& context) const {
  const ModuleScope scope(name_);
  return ffn_(dropout_.add(attention_(norm_(x), offsets, context, bias), x, context), context);
}

T5DecoderLayer::T5DecoderLayer(Parameters& parameters, const std::string& name, const T5Options& options)
    : name_(name),
      self_norm_(parameters, name + ".self.norm", options.width),
      self_(parameters, name + ".self", attention(options, true)),
      self_dropout_(name + ".self.output", options.dropout),
      cross_norm_(parameters, name + ".cross.norm", options.width),
      cross_(parameters, name + ".cross", attention(options, false)),
      cross_dropout_(name + ".cross.output", options.dropout),
      ffn_(parameters, name + ".ffn", options) {}

Var T5DecoderLayer::operator()(const Var& x, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
                               const autograd::RelativeBias& bias, const Context& context) const {
  const ModuleScope scope(name_);
  const Var y = self_dropout_.add(self_(self_norm_(x), offsets, context, bias), x, context);
  const Var z = cross_dropout_.add(cross_(cross_norm_(y), memory, offsets, memory_offsets, context), y, context);
  return ffn_(z, context);
}

Tensor T5DecoderLayer::step(const Tensor& x, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& bias,
                            const Tensor& memory_kv, const Tensor& memory_offsets, const Tensor& row_user) const {
  const ModuleScope scope(name_);
  const Var y = autograd::add(self_.step(self_norm_(x).value(), cache, ancestors, bias), x);
  const Var z = autograd::add(cross_.step(cross_norm_(y).value(), memory_kv, memory_offsets, row_user), y);
  return ffn_(z, {}).value();
}

}  // namespace nn
