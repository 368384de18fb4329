#include "genrec/mmgrec/encoder.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/user_term.h"

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

nn::JoinedLinears EncoderLayer::joined() const {
  return packed_.defined() ? packed_
                           : nn::JoinedLinears(autograd::joined_self_projections(w_qkv_, w_o_, options_.heads, u_qkv_));
}

void EncoderLayer::pack() {
  packed_ = joined();
  packed_.pack(), feed_forward_.pack();
}

Var EncoderLayer::attend(const Var& x, const Var& users, const Tensor& offsets) const {
  const int heads = options_.heads;
  const autograd::AttentionOptions options{.heads = heads, .scale = 1 / std::sqrt(static_cast<double>(width_))};
  const nn::JoinedLinears by = joined();
  Var asked = by.keys(x);  // [T, (heads + 1) D], or, without the user's share, [T, heads D]
  Var abg;
  if (relation_) {
    abg = autograd::scalar_mlps(users, scalars_);  // [S, 3], a, b, g of Eq. 17
    asked = autograd::user_term(asked, abg, 0, 2, offsets, heads);
  }
  const Var seen = autograd::shared_attention(asked, x, offsets, offsets, options);  // [T, heads D]
  const Var y = by.values(seen);
  return relation_ ? autograd::user_term(y, abg, 2, 3, offsets, 1) : y;
}

Var EncoderLayer::operator()(const Var& x, const Var& users, const Tensor& offsets, const nn::Context& context) const {
  const tensor::Scope scope(name_);
  return feed_forward_(attention_norm_(attend(x, users, offsets), x, context), context);
}

}  // namespace genrec::mmgrec
