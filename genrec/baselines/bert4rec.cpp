// BERT4Rec (Sun et al. 2019): a Transformer that sees both sides and fills in hidden items; the next item is one hidden item
// behind the last. Positions count from the end, as padding on the left has it. Normalised after each part; GELU as
// x sigmoid(1.702 x).
#include <deque>

#include "autograd/ops/add.h"
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/multiply.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/sigmoid.h"
#include "autograd/ops/slice_rows.h"
#include "genrec/baselines/sequence_model.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/multi_head_attention.h"
#include "nn/positions.h"

namespace genrec::baselines {

namespace {

Var gelu(const Var& x) { return autograd::multiply(x, autograd::sigmoid(autograd::scale(x, 1.702))); }

// LayerNorm(x + Dropout(g(x))) for g self-attention and a feed-forward net of four times the width (section 3.3).
struct PostNormBlock {
  PostNormBlock(nn::Parameters& parameters, const std::string& name, const SequenceOptions& o)
      : attention(parameters, name + ".attention", {.width = o.width, .heads = o.heads, .head_width = o.width / o.heads, .bias = true,
                                                    .dropout = o.dropout, .q_deviation = kInitialDeviation,
                                                    .kv_deviation = kInitialDeviation, .out_deviation = kInitialDeviation}),
        up(parameters, name + ".up", o.width, 4 * o.width, {.initializer = nn::normal(kInitialDeviation)}),
        down(parameters, name + ".down", 4 * o.width, o.width, {.initializer = nn::normal(kInitialDeviation)}),
        attention_norm(parameters, name + ".attention_norm", o.width),
        feed_norm(parameters, name + ".feed_norm", o.width),
        attention_dropout(name + ".attention", o.dropout),
        feed_dropout(name + ".feed", o.dropout) {}

  Var operator()(const Var& x, const Tensor& offsets, const nn::Context& context) const {
    const Var y = attention_norm(attention_dropout.add(attention(x, offsets, context), x, context));
    return feed_norm(feed_dropout.add(down(gelu(up(y))), y, context));
  }

  nn::SelfAttention attention;
  nn::Linear up, down;
  nn::LayerNorm attention_norm, feed_norm;
  nn::Dropout attention_dropout, feed_dropout;
};

class Bert4rec : public SequenceModel {
 public:
  Bert4rec(nn::Parameters& parameters, const SequenceOptions& o, int64_t items)
      : count_(items),
        items_(parameters, "items", items + 1, o.width, nn::normal(kInitialDeviation)),
        positions_(parameters, "positions", o.history, o.width, nn::normal(kInitialDeviation)),
        dropout_("embedding", o.dropout),
        out_(parameters, "out", o.width, o.width, {.initializer = nn::normal(kInitialDeviation)}),
        bias_(parameters.add("out.items", {items, 1}, nn::zeros(), {.decay = false})) {
    for (int layer = 0; layer < o.layers; ++layer) blocks_.emplace_back(parameters, "blocks." + std::to_string(layer), o);
  }

  Var states(const Tensor& items, const Tensor& offsets, const nn::Context& context) const override {
    Var x = dropout_(autograd::add(items_(items), positions_(nn::positions_from_end(offsets))), context);  // [tokens, D]
    for (const PostNormBlock& block : blocks_) x = block(x, offsets, context);
    return x;
  }
  // Eq. 7, with the bias of an item as one more element of its vector.
  Var outputs(const Var& states) const override {
    const Var h = gelu(out_(states));
    return autograd::concat_columns({h, Tensor::full({h.value().rows(), 1}, 1, h.value().dtype(), h.value().device())});
  }
  Var items() const override { return autograd::concat_columns({autograd::slice_rows(items_.table, 0, count_), bias_}); }
  int32_t mask() const override { return static_cast<int32_t>(count_); }

 private:
  int64_t count_;
  nn::Embedding items_, positions_;
  nn::Dropout dropout_;
  std::deque<PostNormBlock> blocks_;
  nn::Linear out_;
  Var bias_;
};

}  // namespace

std::unique_ptr<SequenceModel> make_bert4rec(nn::Parameters& parameters, const SequenceOptions& options, int64_t items) {
  return std::make_unique<Bert4rec>(parameters, options, items);
}

}  // namespace genrec::baselines
