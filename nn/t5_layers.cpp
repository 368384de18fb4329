#include "nn/t5_layers.h"

#include <cmath>

#include "autograd/ops/fused_linear.h"
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

// The end of a sub-layer: in.x + dropout(y), and the norm that comes.
T5Stream sum_of(const Var& y, const T5Stream& in, const Dropout& dropout, const RmsNorm& next, const Context& context) {
  const auto [sum, norm] = next.of_sum(y, in.x, dropout, context);
  return {sum, norm};
}

// The same with y = last(x).
T5Stream sum_of(const Linear& last, const Var& x, const T5Stream& in, const Dropout& dropout, const RmsNorm& next,
                const Context& context) {
  if (!joins_operations(in.x) || dropout.p(context) > 0 || last.b.defined()) {
    return sum_of(last(x), in, dropout, next, context);
  }
  Tensor sum = in.x.value();
  autograd::add_linear(x.value(), last.w.value(), sum);
  return {in.x, next.of(in.x)};
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
  if (joins_operations(in.x)) return sum_of(ffn_.down, ffn_.hidden(in.norm, context), in, dropout_, next, context);
  return sum_of(ffn_(in.norm, context), in, dropout_, next, context);
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
  const Var heads = attention_.heads(in.norm, offsets, context, bias);
  return ffn_(sum_of(attention_.out, heads, in, dropout_, ffn_.norm(), context), next, context);
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
  const Var self = self_.heads(in.norm, offsets, context, bias);
  const T5Stream y = sum_of(self_.out, self, in, self_dropout_, cross_norm_, context);
  const Var cross = cross_(y.norm, memory, offsets, memory_offsets, context);
  return ffn_(sum_of(cross, y, cross_dropout_, ffn_.norm(), context), next, context);
}

T5Stream T5DecoderLayer::step(const T5Stream& in, std::vector<Tensor>& cache, const Tensor& ancestors,
                              const autograd::RelativeBias& bias, const Tensor& remembered, const Tensor& memory_offsets,
                              const Tensor& row_user, const RmsNorm& next) const {
  const ModuleScope scope(name_);
  const Tensor self = self_.step(in.norm, cache, ancestors, bias);
  const T5Stream y = sum_of(self_.out, self, in, self_dropout_, cross_norm_, {});
  const auto [sums, last] = cross_.step(y.norm, remembered, memory_offsets, row_user);
  return ffn_(sum_of(last, sums, y, cross_dropout_, ffn_.norm(), {}), next, {});
}

}  // namespace nn
