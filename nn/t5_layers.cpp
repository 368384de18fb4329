#include "nn/t5_layers.h"

#include <cmath>

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

T5Stream T5FeedForward::operator()(const T5Stream& in, const RmsNorm& next, const Context& context) const {
  return next.of_sum(ffn_(in.norm, context), in.x, dropout_, context);
}

T5EncoderLayer::T5EncoderLayer(Parameters& parameters, const std::string& name, const T5Options& options)
    : name_(name),
      norm_(parameters, name + ".self.norm", options.width),
      attention_(parameters, name + ".self", attention(options, false)),
      dropout_(name + ".self.output", options.dropout),
      ffn_(parameters, name + ".ffn", options) {}

T5Stream T5EncoderLayer::operator()(const T5Stream& in, const Tensor& offsets, const autograd::RelativeBias& bias,
                                    const RmsNorm& next, const Context& context) const {
  const ModuleScope scope(name_);
  const T5Stream y = ffn_.norm().of_sum(attention_(in.norm, offsets, context, bias), in.x, dropout_, context);
  return ffn_(y, next, context);
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

T5Stream T5DecoderLayer::operator()(const T5Stream& in, const Tensor& offsets, const Var& memory,
                                    const Tensor& memory_offsets, const autograd::RelativeBias& bias, const RmsNorm& next,
                                    const Context& context) const {
  const ModuleScope scope(name_);
  const T5Stream y = cross_norm_.of_sum(self_(in.norm, offsets, context, bias), in.x, self_dropout_, context);
  const Var cross = cross_(y.norm, memory, offsets, memory_offsets, context);
  return ffn_(ffn_.norm().of_sum(cross, y.x, cross_dropout_, context), next, context);
}

T5Stream T5DecoderLayer::step(const T5Stream& in, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& bias,
                              const Tensor& memory_kv, const Tensor& memory_offsets, const Tensor& row_user,
                              const RmsNorm& next) const {
  const ModuleScope scope(name_);
  const T5Stream y = cross_norm_.of_sum(self_.step(in.norm.value(), cache, ancestors, bias), in.x, self_dropout_, {});
  const Tensor cross = cross_.step(y.norm.value(), memory_kv, memory_offsets, row_user);
  return ffn_(ffn_.norm().of_sum(cross, y.x, cross_dropout_, {}), next, {});
}

}  // namespace nn
