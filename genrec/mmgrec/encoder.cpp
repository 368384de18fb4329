#include "genrec/mmgrec/encoder.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/relation_attention.h"

namespace genrec::mmgrec {

EncoderLayer::EncoderLayer(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width)
    : name_(name),
      options_(options),
      width_(width),
      relation_(options.position == "relation"),
      w_qkv_(parameters.add(name + ".qkv", {width, 3 * options.heads * width}, nn::xavier_uniform(width, width))),
      w_o_(parameters.add(name + ".out", {options.heads * width, width}, nn::xavier_uniform())),
      attention_norm_(parameters, name + ".norm", options, width),
      feed_forward_(parameters, name + ".ffn", options, width) {
  if (!relation_) return;
  u_qkv_ = parameters.add(name + ".user_qkv", {width, 3 * width}, nn::xavier_uniform(width, width));
  const int hidden = std::max(width / 2, 1);
  for (const char* scalar : {".scalar_q", ".scalar_k", ".scalar_v"}) {
    scalars_.push_back({parameters.add(name + scalar + ".0.w", {width, hidden}, nn::xavier_uniform()),
                        parameters.add(name + scalar + ".1.w", {hidden, 1}, nn::xavier_uniform())});
  }
}

Var EncoderLayer::attend(const Var& x, const Var& users, const Tensor& offsets) const {
  const Var qkv = autograd::linear(x, w_qkv_);  // [T, 3 heads D]
  const autograd::AttentionOptions options{.heads = options_.heads, .scale = 1 / std::sqrt(static_cast<double>(width_))};
  if (!relation_) return autograd::attention_qkv(qkv, offsets, options);
  const Var quv = autograd::linear(x, u_qkv_);             // [T, 3 D] = x [U_Q U_K U_V]
  const Var abg = autograd::scalar_mlps(users, scalars_);  // [S, 3], a, b, g of Eq. 17
  return autograd::relation_attention(qkv, quv, abg, offsets, options);
}

Var EncoderLayer::operator()(const Var& x, const Var& users, const Tensor& offsets, const nn::Context& context) const {
  const tensor::Scope scope(name_);
  const Var attended = autograd::linear(attend(x, users, offsets), w_o_);
  return feed_forward_(attention_norm_(attended, x, context), context);
}

}  // namespace genrec::mmgrec
