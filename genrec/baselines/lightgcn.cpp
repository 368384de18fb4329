// LightGCN (He et al. 2020): the mean of a node's vector and its propagations, symmetric normalisation, no weights.
#include "genrec/baselines/graph_model.h"
#include "graph/light_gcn.h"

namespace genrec::baselines {

namespace {

class LightGcn : public GraphModel {
 public:
  LightGcn(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset)
      : GraphModel(parameters, options, dataset, graph::Normalisation::symmetric), layers_(options.layers) {}

 protected:
  Var propagate(const Var& nodes, const nn::Context&) const override { return graph::light_gcn(matrix_, nodes, layers_); }

 private:
  int layers_;
};

}  // namespace

std::unique_ptr<EmbeddingModel> make_lightgcn(nn::Parameters& parameters, const EmbeddingOptions& options,
                                              const Dataset& dataset) {
  return std::make_unique<LightGcn>(parameters, options, dataset);
}

}  // namespace genrec::baselines
