#include "nn/t5.h"

#include <cmath>

#include "autograd/ops/fused_linear.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/scale.h"
#include "nn/module.h"

namespace nn {

namespace {

const T5Options& checked(const T5Options& options, const std::string& name) {
  tensor::require(options.vocabulary > 0 && options.width > 0 && options.feed_forward > 0, name, ": a vocabulary of ",
                  options.vocabulary, ", width ", options.width, ", feed-forward width ", options.feed_forward,
                  "; all must be above 0");
  tensor::require(options.encoder_layers > 0 && options.decoder_layers > 0, name, ": ", options.encoder_layers,
                  " encoder layers, ", options.decoder_layers, " decoder layers; each needs at least one");
  return options;
}

template <class Layer>
std::vector<Layer> stack(Parameters& parameters, const std::string& name, const T5Options& options, int count) {
  std::vector<Layer> layers;
  for (int i = 0; i < count; ++i) layers.emplace_back(parameters, tensor::join(name, ".", i), options);
  return layers;
}

// The norm that comes after layer i: the one that the next layer begins with, or the stack's last.
template <class Layer>
const RmsNorm& norm_after(const std::vector<Layer>& layers, size_t i, const RmsNorm& last) {
  return i + 1 < layers.size() ? layers[i + 1].norm() : last;
}

}  // namespace

T5::T5(Parameters& parameters, const std::string& name, const T5Options& options)
    : name_(name),
      options_(checked(options, name)),
      embedding_(parameters, name + ".embedding", options.vocabulary, options.width, normal(1)),
      encoder_position_(parameters, name + ".encoder.position", options.heads, false,
                        1 / std::sqrt(static_cast<double>(options.width))),
      decoder_position_(parameters, name + ".decoder.position", options.heads, true,
                        1 / std::sqrt(static_cast<double>(options.width))),
      encoder_(stack<T5EncoderLayer>(parameters, name + ".encoder", options, options.encoder_layers)),
      decoder_(stack<T5DecoderLayer>(parameters, name + ".decoder", options, options.decoder_layers)),
      encoder_norm_(parameters, name + ".encoder.norm", options.width),
      decoder_norm_(parameters, name + ".decoder.norm", options.width),
      encoder_input_(name + ".encoder.embedding", options.dropout),
      encoder_output_(name + ".encoder.output", options.dropout),
      decoder_input_(name + ".decoder.embedding", options.dropout),
      decoder_output_(name + ".decoder.output", options.dropout) {}

Var T5::encode(const Tensor& tokens, const Tensor& offsets, const Context& context) const {
  const ModuleScope scope(name_);
  const Var x = encoder_input_(embedding_(tokens), context);  // [T, D]
  T5Stream stream(x, encoder_.front().norm().of(x));
  for (size_t i = 0; i < encoder_.size(); ++i) {
    stream = encoder_[i](stream, offsets, encoder_position_.bias(), norm_after(encoder_, i, encoder_norm_), context);
  }
  return encoder_output_(stream.norm.value(), context);
}

Var T5::logits(const Normed& h) const {
  const double factor = 1 / std::sqrt(static_cast<double>(options_.width));
  if (joins_operations(h.x)) {
    return autograd::fused_linear(h.x.value(), table().value(), {},
                                  {.norm = autograd::value_or_none(h.weight), .epsilon = h.epsilon,
                                   .factor = factor, .transpose_w = true});
  }
  const Var scaled = autograd::scale(h.value(), factor);
  if (output_.defined()) return output_.product(scaled.value());
  return autograd::matmul(scaled, embedding_.table, false, true);
}

T5 T5::packed() const {
  T5 copy = *this;
  for (T5EncoderLayer& layer : copy.encoder_) layer.pack();
  for (T5DecoderLayer& layer : copy.decoder_) layer.pack();
  const Tensor& table = copy.embedding_.table.value();
  if (table.device() == tensor::Device::cpu) {
    copy.output_ = tensor::PackedMatrix(table, true, tensor::precision());
  } else {
    copy.embedding_.table = autograd::matmul_kernels::with_operand(table);
    copy.replays_ = std::make_shared<tensor::cuda::Replays>();
  }
  return copy;
}

Var T5::decode(const Tensor& tokens, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
               const Context& context) const {
  const ModuleScope scope(name_);
  const Var x = decoder_input_(embedding_(tokens), context);  // [T', D]
  T5Stream stream(x, decoder_.front().norm().of(x));
  for (size_t i = 0; i < decoder_.size(); ++i) {
    stream = decoder_[i](stream, offsets, memory, memory_offsets, decoder_position_.bias(),
                         norm_after(decoder_, i, decoder_norm_), context);
  }
  return logits(decoder_output_(stream.norm.value(), context));
}

T5::Memory T5::remember(const Tensor& tokens, const Tensor& offsets) const {
  const Tensor memory = encode(tokens, offsets, {}).value();
  Memory result{{}, offsets};
  for (const T5DecoderLayer& layer : decoder_) result.layers.push_back(layer.remember(memory));
  return result;
}

T5::Scores T5::step(State& state, const Memory& memory, const Tensor& tokens, const Tensor& parents,
                    const Tensor& row_user) const {
  const ModuleScope scope(name_);
  state.advance(tokens, parents);
  state.cache.resize(decoder_.size());
  const Var x = embedding_(tokens);  // [R, D]
  T5Stream stream(x, decoder_.front().norm().of(x));
  for (size_t i = 0; i < decoder_.size(); ++i) {
    stream = decoder_[i].step(stream, state.cache[i], state.ancestors, decoder_position_.bias(), memory.layers[i], memory.offsets,
                              row_user, norm_after(decoder_, i, decoder_norm_));
  }
  return next_token_scores(logits(stream.norm).value());
}

}  // namespace nn
