// Matrix factorisation trained by BPR (Rendle et al. 2009): score = p_u . q_i + b_i.
#include "autograd/ops/concat_columns.h"
#include "genrec/baselines/embedding_model.h"
#include "nn/initializers.h"

namespace genrec::baselines {

namespace {

class Mf : public EmbeddingModel {
 public:
  Mf(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset)
      : users_(parameters.add("users", {dataset.users(), options.width}, nn::xavier_uniform())),
        items_(parameters.add("items", {dataset.item_count(), options.width}, nn::xavier_uniform())),
        item_bias_(parameters.add("item_bias", {dataset.item_count(), 1}, nn::zeros())),
        ones_(Tensor::full({dataset.users(), 1}, 1, tensor::DType::f32, tensor::default_device())) {}

  Embeddings forward(const nn::Context&) const override {  // [p_u, 1] . [q_i, b_i]
    return {autograd::concat_columns({users_, ones_}), autograd::concat_columns({items_, item_bias_})};
  }
  Embeddings own() const override { return {users_, items_}; }

 private:
  Var users_, items_, item_bias_;
  Tensor ones_;
};

}  // namespace

std::unique_ptr<EmbeddingModel> make_mf(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset) {
  return std::make_unique<Mf>(parameters, options, dataset);
}

}  // namespace genrec::baselines
