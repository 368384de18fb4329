#include "genrec/mmgrec/recommender.h"

#include "autograd/ops/add.h"
#include "autograd/ops/candidate_cross_entropy.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/segment_mean.h"
#include "nn/positions.h"

namespace genrec::mmgrec {

namespace {

std::string numbered(const char* prefix, int i) { return prefix + std::to_string(i); }

}  // namespace

Recommender::Recommender(nn::Parameters& parameters, const TransformerOptions& options, const Tensor& item_vectors,
                         const Tensor& user_vectors, int vocabulary, int length)
    : options_(options), width_(static_cast<int>(item_vectors.columns())), vocabulary_(vocabulary), length_(length),
      history_dropout_("encoder.input", options.dropout), token_dropout_("decoder.input", options.dropout) {
  const bool free = options.item_vectors == "free";
  item_vectors_ = parameters.add("item_vectors", item_vectors.shape(), free ? nn::xavier_uniform() : nn::from(item_vectors),
                                 {.trainable = options.item_vectors != "frozen"});
  user_vectors_ = parameters.add("user_vectors", user_vectors.shape(), nn::from(user_vectors), {.trainable = false});
  tokens_ = parameters.add("tokens", {vocabulary, width_}, nn::normal(1));
  for (int i = 0; i < options.layers; ++i) encoder_.emplace_back(parameters, numbered("encoder.", i), options, width_);
  for (int i = 0; i < options.layers; ++i) decoder_.emplace_back(parameters, numbered("decoder.", i), options, width_);
  output_ = nn::Linear(parameters.add("output", {width_, vocabulary}, nn::xavier_uniform()));
  decoder_positions_ = nn::sinusoids(length, width_).to(tensor::default_device());
  if (options.position == "default") history_positions_ = nn::sinusoids(options.history, width_).to(tensor::default_device());
}

Var Recommender::users_of(const Tensor& history, const Tensor& offsets, const Var& graph_vectors) const {
  if (options_.user_vectors == "graph") return graph_vectors;
  return autograd::segment_mean(autograd::gather_rows(item_vectors_, history), offsets);
}

Var Recommender::encoded(const Tensor& history, const Tensor& offsets, const Var& graph_vectors,
                         const nn::Context& context) const {
  const Var users = users_of(history, offsets, graph_vectors);
  Var x = autograd::gather_rows(item_vectors_, history);  // [T, D]
  if (history_positions_.defined()) {
    x = autograd::add(x, autograd::gather_rows(history_positions_, nn::positions_of(offsets)));
  }
  x = history_dropout_(x, context);
  for (const EncoderLayer& layer : encoder_) x = layer(x, users, offsets, context);
  return x;
}

Var Recommender::embedded(const Tensor& tokens, const Tensor& positions, const nn::Context& context) const {
  const Var x = autograd::add(autograd::gather_rows(tokens_, tokens), autograd::gather_rows(decoder_positions_, positions));
  return token_dropout_(x, context);
}

Var Recommender::logits(const Batch& batch, const nn::Context& context) const {
  const Var users = autograd::gather_rows(user_vectors_, batch.users);  // [S, D]
  const Var memory = encoded(batch.history, batch.history_offsets, users, context);
  Var x = embedded(batch.inputs, nn::positions_of(batch.token_offsets), context);  // [S*L, D]
  for (const DecoderLayer& layer : decoder_) x = layer(x, batch.token_offsets, memory, batch.history_offsets, context);
  return output_(x);
}

Var Recommender::loss(const Batch& batch, const nn::Context& context) const {
  const Var scores = logits(batch, context);
  if (options_.softmax == "full") return autograd::cross_entropy(scores, batch.targets);
  return autograd::candidate_cross_entropy(scores, batch.targets, batch.lists, batch.candidates);
}

Recommender Recommender::packed() const {
  Recommender copy = *this;
  for (EncoderLayer& layer : copy.encoder_) layer.pack();
  for (DecoderLayer& layer : copy.decoder_) layer.pack();
  copy.output_.pack();
  if (tokens_.value().device() == tensor::Device::cuda) copy.replays_ = std::make_shared<tensor::cuda::Replays>();
  return copy;
}

Recommender::Memory Recommender::encode(const Tensor& history, const Tensor& offsets, const Tensor& users) const {
  const Tensor memory = encoded(history, offsets, users, {}).value();
  Memory result{{}, offsets};
  for (const DecoderLayer& layer : decoder_) result.layers.push_back(layer.remember(memory));
  return result;
}

Recommender::Scores Recommender::step(State& state, const Memory& memory, const Tensor& tokens, const Tensor& parents,
                                      const Tensor& row_user) const {
  const Tensor positions = Tensor::full({tokens.size()}, state.steps, tensor::DType::i32, tokens.device());
  state.advance(tokens, parents);
  state.cache.resize(decoder_.size());
  Tensor x = embedded(tokens, positions, {}).value();  // [R, D]
  for (size_t i = 0; i < decoder_.size(); ++i) {
    x = decoder_[i].step(x, state.cache[i], state.ancestors, memory.layers[i], memory.offsets, row_user);
  }
  return nn::next_token_scores(output_(x).value());
}

}  // namespace genrec::mmgrec
