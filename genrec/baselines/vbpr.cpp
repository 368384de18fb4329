// VBPR (He and McAuley 2016): score = b_i + gamma_u . gamma_i + theta_u . (E f_i) + beta' . f_i, f all features side by side.
#include "autograd/ops/add.h"
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/matmul.h"
#include "genrec/baselines/embedding_model.h"
#include "genrec/features.h"
#include "nn/initializers.h"

namespace genrec::baselines {

namespace {

class Vbpr : public EmbeddingModel {
 public:
  Vbpr(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset)
      : features_(concatenated_features(dataset)),
        ones_(Tensor::full({dataset.users(), 1}, 1, tensor::DType::f32, tensor::default_device())) {
    tensor::require(tensor::Fault::bad_data, features_.defined(), "vbpr: the data set has no dense features");
    const int64_t half = std::max(options.width / 2, 1);
    users_ = parameters.add("users", {dataset.users(), half}, nn::xavier_uniform());
    items_ = parameters.add("items", {dataset.item_count(), half}, nn::xavier_uniform());
    user_tastes_ = parameters.add("user_tastes", {dataset.users(), half}, nn::xavier_uniform());
    projection_ = parameters.add("projection", {features_.columns(), half}, nn::xavier_uniform());
    item_bias_ = parameters.add("item_bias", {dataset.item_count(), 1}, nn::zeros());
    feature_bias_ = parameters.add("feature_bias", {features_.columns(), 1}, nn::zeros());
  }

  Embeddings forward(const nn::Context&) const override {  // [gamma_u, theta_u, 1] . [gamma_i, E f_i, b_i + beta' f_i]
    const Var bias = autograd::add(item_bias_, autograd::matmul(features_, feature_bias_));
    return {autograd::concat_columns({users_, user_tastes_, ones_}),
            autograd::concat_columns({items_, autograd::matmul(features_, projection_), bias})};
  }
  Embeddings own() const override { return {autograd::concat_columns({users_, user_tastes_}), items_}; }

 private:
  Tensor features_, ones_;
  Var users_, items_, user_tastes_, projection_, item_bias_, feature_bias_;
};

}  // namespace

std::unique_ptr<EmbeddingModel> make_vbpr(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset) {
  return std::make_unique<Vbpr>(parameters, options, dataset);
}

}  // namespace genrec::baselines
