#include "genrec/mmgrec/decoder.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/decode_attention.h"
#include "autograd/ops/linear.h"

namespace genrec::mmgrec {

DecoderLayer::DecoderLayer(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width)
    : name_(name),
      heads_(options.heads),
      width_(width),
      self_qkv_(parameters.add(name + ".self.qkv", {width, 3 * options.heads * width}, nn::xavier_uniform(width, width))),
      self_out_(parameters.add(name + ".self.out", {options.heads * width, width}, nn::xavier_uniform())),
      cross_q_(parameters.add(name + ".cross.q", {width, options.heads * width}, nn::xavier_uniform(width, width))),
      cross_kv_(parameters.add(name + ".cross.kv", {width, 2 * options.heads * width}, nn::xavier_uniform(width, width))),
      cross_out_(parameters.add(name + ".cross.out", {options.heads * width, width}, nn::xavier_uniform())),
      self_norm_(parameters, name + ".self.norm", options, width),
      cross_norm_(parameters, name + ".cross.norm", options, width),
      feed_forward_(parameters, name + ".ffn", options, width) {}

Var DecoderLayer::operator()(const Var& x, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
                             const nn::Context& context) const {
  const tensor::Scope scope(name_);
  const double scale = 1 / std::sqrt(static_cast<double>(width_));
  const Var self = autograd::attention_qkv(autograd::linear(x, self_qkv_), offsets,
                                           {.heads = heads_, .scale = scale, .causal = true});
  const Var y = self_norm_(autograd::linear(self, self_out_), x, context);
  const Var cross = autograd::attention_kv(autograd::linear(y, cross_q_), autograd::linear(memory, cross_kv_), offsets,
                                             memory_offsets, {.heads = heads_, .scale = scale});
  return feed_forward_(cross_norm_(autograd::linear(cross, cross_out_), y, context), context);
}

Tensor DecoderLayer::memory_kv(const Tensor& memory) const { return autograd::linear(memory, cross_kv_).value(); }

Tensor DecoderLayer::step(const Tensor& x, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& memory_kv,
                          const Tensor& memory_offsets, const Tensor& row_user) const {
  const tensor::Scope scope(name_);
  const autograd::AttentionOptions options{.heads = heads_, .scale = 1 / std::sqrt(static_cast<double>(width_))};
  cache.push_back(autograd::linear(x, self_qkv_).value());
  const Tensor self = autograd::decode_attention(cache, ancestors, options);
  const Var y = self_norm_(autograd::linear(self, self_out_), x, {});
  const Tensor cross = autograd::decode_cross_attention(autograd::linear(y, cross_q_).value(), memory_kv, memory_offsets, row_user,
                                                        options);
  return feed_forward_(cross_norm_(autograd::linear(cross, cross_out_), y, {}), {}).value();
}

}  // namespace genrec::mmgrec
