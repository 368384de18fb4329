// GRU4Rec (Hidasi et al. 2016): gated recurrent units over the items. The vectors that are read also score ("constrained
// embedding", Hidasi and Karatzoglou 2018).
#include <cmath>
#include <deque>

#include "autograd/ops/gru.h"
#include "genrec/baselines/sequence_model.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"

namespace genrec::baselines {

namespace {

struct Layer {
  Layer(nn::Parameters& parameters, const std::string& name, int64_t width)
      : in(parameters, name + ".in", width, 3 * width, {.initializer = nn::xavier_uniform(width, width)}),
        u(parameters.add(name + ".u", {width, 3 * width}, nn::xavier_uniform(width, width))),
        c(parameters.add(name + ".c", {width}, nn::zeros(), {.decay = false})) {}

  Var operator()(const Var& x, const Tensor& offsets) const { return autograd::gru(in(x), u, c, offsets); }

  nn::Linear in;
  Var u, c;
};

class Gru4rec : public SequenceModel {
 public:
  Gru4rec(nn::Parameters& parameters, const SequenceOptions& o, int64_t items)
      : items_(parameters, "items", items, o.width, nn::normal(1 / std::sqrt(static_cast<double>(o.width)))),
        dropout_("embedding", o.dropout),
        out_(parameters, "out", o.width, o.width) {
    for (int layer = 0; layer < o.layers; ++layer) layers_.emplace_back(parameters, "layers." + std::to_string(layer), o.width);
  }

  Var states(const Tensor& items, const Tensor& offsets, const nn::Context& context) const override {
    Var x = dropout_(items_(items), context);  // [tokens, D]
    for (const Layer& layer : layers_) x = layer(x, offsets);
    return x;
  }
  Var outputs(const Var& states) const override { return out_(states); }
  bool repeats_kernels() const override { return false; }  // one for every token of the longest, of those that have it
  Var items() const override { return items_.table; }

 private:
  nn::Embedding items_;
  nn::Dropout dropout_;
  std::deque<Layer> layers_;
  nn::Linear out_;
};

}  // namespace

std::unique_ptr<SequenceModel> make_gru4rec(nn::Parameters& parameters, const SequenceOptions& options, int64_t items) {
  return std::make_unique<Gru4rec>(parameters, options, items);
}

}  // namespace genrec::baselines
