#include "genrec/mmgrec/decoder.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/decode_attention.h"

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
  const Var self = autograd::attention_qkv(self_qkv_(x), offsets,
                                           {.heads = heads_, .scale = scale, .causal = true});
  const Var y = self_norm_(self_out_(self), x, context);
  const Var cross = autograd::attention_kv(cross_q_(y), cross_kv_(memory), offsets,
                                             memory_offsets, {.heads = heads_, .scale = scale});
  return feed_forward_(cross_norm_(cross_out_(cross), y, context), context);
}

void DecoderLayer::pack() {
  for (nn::Linear* each : {&self_qkv_, &self_out_, &cross_q_, &cross_kv_, &cross_out_}) each->pack();
  feed_forward_.pack();
}

Tensor DecoderLayer::memory_kv(const Tensor& memory) const { return cross_kv_(memory).value(); }

Tensor DecoderLayer::step(const Tensor& x, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& memory_kv,
                          const Tensor& memory_offsets, const Tensor& row_user) const {
  const tensor::Scope scope(name_);
  const autograd::AttentionOptions options{.heads = heads_, .scale = 1 / std::sqrt(static_cast<double>(width_))};
  cache.push_back(self_qkv_(x).value());
  const Tensor self = autograd::decode_attention(cache, ancestors, options);
  const Var y = self_norm_(self_out_(self), x, {});
  const Tensor cross = autograd::decode_cross_attention(cross_q_(y).value(), memory_kv, memory_offsets, row_user,
                                                        options);
  return feed_forward_(cross_norm_(cross_out_(cross), y, {}), {}).value();
}

}  // namespace genrec::mmgrec
