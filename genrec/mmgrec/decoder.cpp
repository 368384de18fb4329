#include "genrec/mmgrec/decoder.h"

namespace genrec::mmgrec {

namespace {

nn::MultiHeadAttentionOptions attention(const TransformerOptions& options, int width, bool causal) {
  return {.width = width, .heads = options.heads, .head_width = width, .causal = causal};
}

}  // namespace

DecoderLayer::DecoderLayer(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width)
    : name_(name),
      self_({nn::Linear(parameters.add(name + ".self.qkv", {width, 3 * options.heads * width}, nn::xavier_uniform(width, width))),
             nn::Linear(parameters.add(name + ".self.out", {options.heads * width, width}, nn::xavier_uniform()))},
            name + ".self", attention(options, width, true)),
      cross_({nn::Linear(parameters.add(name + ".cross.q", {width, options.heads * width}, nn::xavier_uniform(width, width))),
              nn::Linear(parameters.add(name + ".cross.kv", {width, 2 * options.heads * width}, nn::xavier_uniform(width, width))),
              nn::Linear(parameters.add(name + ".cross.out", {options.heads * width, width}, nn::xavier_uniform()))},
             name + ".cross", attention(options, width, false)),
      self_norm_(parameters, name + ".self.norm", options, width),
      cross_norm_(parameters, name + ".cross.norm", options, width),
      feed_forward_(parameters, name + ".ffn", options, width) {}

Var DecoderLayer::operator()(const Var& x, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
                             const nn::Context& context) const {
  const tensor::Scope scope(name_);
  const Var y = self_norm_(self_(x, offsets), x, context);
  const Var z = cross_norm_(cross_(y, memory, offsets, memory_offsets), y, context);
  return feed_forward_(z, context);
}

void DecoderLayer::pack() { self_.pack(), cross_.pack(), feed_forward_.pack(); }

Tensor DecoderLayer::step(const Tensor& x, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& remembered,
                          const Tensor& memory_offsets, const Tensor& row_user) const {
  const tensor::Scope scope(name_);
  const Var y = self_norm_(self_.out(self_.step(x, cache, ancestors)), x, {});
  const auto [sums, last] = cross_.step(y.value(), remembered, memory_offsets, row_user);
  const Var z = cross_norm_(last(sums), y, {});
  return feed_forward_(z, {}).value();
}

}  // namespace genrec::mmgrec
