// GraphSAGE (Hamilton et al. 2017) with the mean aggregator, h' = LeakyReLU(h W1 + mean(h of neighbours) W2), on user vectors
// and projected item features, as the multimodal literature compares with it.
#include "autograd/ops/add.h"
#include "autograd/ops/concat_rows.h"
#include "autograd/ops/matmul.h"
#include "genrec/baselines/graph_model.h"
#include "graph/gcn_layer.h"

namespace genrec::baselines {

namespace {

class GraphSage : public GraphModel {
 public:
  GraphSage(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset)
      : GraphModel(parameters, options, dataset, graph::Normalisation::mean), features_(concatenated_features(dataset)) {
    if (features_.defined()) {
      projection_ = parameters.add("projection", {features_.columns(), options.width}, nn::xavier_uniform());
    }
    for (int l = 0; l < options.layers; ++l) {
      const bool last = l + 1 == options.layers;
      layers_.emplace_back(parameters, "layers." + std::to_string(l), options.width, options.width,
                           graph::GcnLayerOptions{.activation = last ? nn::Activation::none : nn::Activation::leaky_relu,
                                                  .dropout = options.dropout});
    }
  }

 protected:
  Var propagate(const Var& nodes, const nn::Context& context) const override {
    Var x = nodes;
    if (features_.defined()) {  // an item starts as its free vector plus its projected features
      const Var none = Tensor::zeros({user_count_, nodes.columns()}, nodes.value().dtype(), nodes.value().device());
      x = autograd::add(nodes, autograd::concat_rows({none, autograd::matmul(features_, projection_)}));
    }
    for (const graph::GcnLayer& layer : layers_) x = layer(matrix_, x, context);
    return x;
  }

 private:
  Tensor features_;
  Var projection_;
  std::vector<graph::GcnLayer> layers_;
};

}  // namespace

std::unique_ptr<EmbeddingModel> make_graphsage(nn::Parameters& parameters, const EmbeddingOptions& options,
                                               const Dataset& dataset) {
  return std::make_unique<GraphSage>(parameters, options, dataset);
}

}  // namespace genrec::baselines
