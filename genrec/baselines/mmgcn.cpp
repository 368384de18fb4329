// MMGCN (Wei et al. 2019): one graph per modality. In each, items start as that modality's projected features and users as a
// free preference; a layer is h = LeakyReLU(A x W1), x_hat = LeakyReLU(x W2) + id, x' = LeakyReLU(h W3 + x_hat). The
// representation is the mean over the modalities.
#include "autograd/ops/add.h"
#include "autograd/ops/concat_rows.h"
#include "autograd/ops/leaky_relu.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/normalize_rows.h"
#include "autograd/ops/scale.h"
#include "genrec/baselines/graph_model.h"
#include "graph/spmm.h"

namespace genrec::baselines {

namespace {

class Mmgcn : public GraphModel {
 public:
  Mmgcn(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset)
      : GraphModel(parameters, options, dataset, graph::Normalisation::mean) {
    tensor::require(tensor::Fault::bad_data, !dataset.features.empty(), "mmgcn: the data set has no dense features");
    const int64_t width = options.width;
    for (const auto& [name, modality] : dataset.features) {
      View view{scaled_features(modality), parameters.add(name + ".projection", {modality.dim(), width}, nn::xavier_uniform()),
                parameters.add(name + ".preference", {user_count_, width}, nn::xavier_uniform()), {}};
      for (int l = 0; l < options.layers; ++l) {
        const std::string prefix = name + ".layers." + std::to_string(l);
        const auto matrix = [&](const char* which) {
          return parameters.add(prefix + which, {width, width}, nn::xavier_uniform());
        };
        view.layers.push_back({matrix(".convolution"), matrix(".linear"), matrix(".combine")});
      }
      views_.push_back(std::move(view));
    }
  }

 protected:
  Var propagate(const Var& ids, const nn::Context&) const override {
    Var sum;
    for (const View& view : views_) {
      Var x = autograd::concat_rows({view.preference, autograd::matmul(view.features, view.projection)});
      x = autograd::normalize_rows(x);
      for (const Layer& layer : view.layers) {
        const Var h = autograd::leaky_relu(autograd::linear(graph::spmm(matrix_, x), layer.convolution));
        const Var x_hat = autograd::add(autograd::leaky_relu(autograd::linear(x, layer.linear)), ids);
        x = autograd::leaky_relu(autograd::add(autograd::linear(h, layer.combine), x_hat));
      }
      sum = sum.defined() ? autograd::add(sum, x) : x;
    }
    return autograd::scale(sum, 1.0 / static_cast<double>(views_.size()));
  }

 private:
  struct Layer {
    Var convolution, linear, combine;  // W1, W2, W3 [D, D]
  };
  struct View {
    Tensor features;
    Var projection, preference;
    std::vector<Layer> layers;
  };
  std::vector<View> views_;
};

}  // namespace

std::unique_ptr<EmbeddingModel> make_mmgcn(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset) {
  return std::make_unique<Mmgcn>(parameters, options, dataset);
}

}  // namespace genrec::baselines
