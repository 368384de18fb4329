// NGCF (Wang et al. 2019): layers of E' = LeakyReLU((E + AE) W1 + (E * AE) W2), each normalised, all side by side.
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/normalize_rows.h"
#include "genrec/baselines/graph_model.h"
#include "graph/ngcf_layer.h"

namespace genrec::baselines {

namespace {

class Ngcf : public GraphModel {
 public:
  Ngcf(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset)
      : GraphModel(parameters, options, dataset, graph::Normalisation::symmetric) {
    for (int l = 0; l < options.layers; ++l) {
      layers_.emplace_back(parameters, "layers." + std::to_string(l), options.width, options.width, options.dropout);
    }
  }

 protected:
  Var propagate(const Var& nodes, const nn::Context& context) const override {
    std::vector<Var> all{nodes};
    Var x = nodes;
    for (const graph::NgcfLayer& layer : layers_) {
      x = layer(matrix_, x, context);
      all.push_back(autograd::normalize_rows(x));
    }
    return autograd::concat_columns(all);
  }

 private:
  std::vector<graph::NgcfLayer> layers_;
};

}  // namespace

std::unique_ptr<EmbeddingModel> make_ngcf(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset) {
  return std::make_unique<Ngcf>(parameters, options, dataset);
}

}  // namespace genrec::baselines
