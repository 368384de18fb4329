// SASRec (Kang and McAuley 2018): a causal Transformer with learnt positions, normalised before each part.
#include <deque>

#include "autograd/ops/add.h"
#include "genrec/baselines/sequence_model.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/layer_norm.h"
#include "nn/multi_head_attention.h"
#include "nn/positions.h"

namespace genrec::baselines {

namespace {

// x + Dropout(g(LayerNorm(x))) for g self-attention and a feed-forward net of the same width (section III.B).
struct PreNormBlock {
  PreNormBlock(nn::Parameters& parameters, const std::string& name, const SequenceOptions& o)
      : attention_norm(parameters, name + ".attention_norm", o.width),
        attention(parameters, name + ".attention", {.width = o.width, .heads = o.heads, .head_width = o.width / o.heads,
                                                    .causal = true, .dropout = o.dropout, .q_deviation = kInitialDeviation,
                                                    .kv_deviation = kInitialDeviation, .out_deviation = kInitialDeviation}),
        feed_norm(parameters, name + ".feed_norm", o.width),
        feed(parameters, name + ".feed", o.width, o.width,
             {.dropout = o.dropout, .bias = true, .up = nn::normal(kInitialDeviation), .down = nn::normal(kInitialDeviation)}),
        attention_dropout(name + ".attention", o.dropout),
        feed_dropout(name + ".feed", o.dropout) {}

  Var operator()(const Var& x, const Tensor& offsets, const nn::Context& context) const {
    const Var y = attention_dropout.add(attention(attention_norm(x), offsets, context), x, context);
    return feed_dropout.add(feed(feed_norm(y), context), y, context);
  }

  nn::LayerNorm attention_norm;
  nn::SelfAttention attention;
  nn::LayerNorm feed_norm;
  nn::FeedForward feed;
  nn::Dropout attention_dropout, feed_dropout;
};

class Sasrec : public SequenceModel {
 public:
  Sasrec(nn::Parameters& parameters, const SequenceOptions& o, int64_t items)
      : items_(parameters, "items", items, o.width, nn::normal(kInitialDeviation)),
        positions_(parameters, "positions", o.history, o.width, nn::normal(kInitialDeviation)),
        dropout_("embedding", o.dropout),
        norm_(parameters, "norm", o.width) {
    for (int layer = 0; layer < o.layers; ++layer) blocks_.emplace_back(parameters, "blocks." + std::to_string(layer), o);
  }

  Var states(const Tensor& items, const Tensor& offsets, const nn::Context& context) const override {
    Var x = dropout_(autograd::add(items_(items), positions_(nn::positions_of(offsets))), context);  // [tokens, D]
    for (const PreNormBlock& block : blocks_) x = block(x, offsets, context);
    return norm_(x);
  }
  Var items() const override { return items_.table; }

 private:
  nn::Embedding items_, positions_;
  nn::Dropout dropout_;
  std::deque<PreNormBlock> blocks_;
  nn::LayerNorm norm_;
};

}  // namespace

std::unique_ptr<SequenceModel> make_sasrec(nn::Parameters& parameters, const SequenceOptions& options, int64_t items) {
  return std::make_unique<Sasrec>(parameters, options, items);
}

}  // namespace genrec::baselines
