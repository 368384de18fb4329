// The frame of baselines that propagate over the graph of users and items: nodes in, nodes out.
#pragma once

#include "autograd/ops/concat_rows.h"
#include "autograd/ops/slice_rows.h"
#include "genrec/baselines/embedding_model.h"
#include "genrec/features.h"
#include "nn/initializers.h"

namespace genrec::baselines {

class GraphModel : public EmbeddingModel {
 public:
  GraphModel(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset,
             graph::Normalisation normalisation)
      : user_count_(dataset.users()),
        item_count_(dataset.item_count()),
        matrix_(interaction_matrix(dataset, normalisation)),
        users_(parameters.add("users", {user_count_, options.width}, nn::xavier_uniform())),
        items_(parameters.add("items", {item_count_, options.width}, nn::xavier_uniform())) {}

  Embeddings forward(const nn::Context& context) const override {
    const Var nodes = propagate(autograd::concat_rows({users_, items_}), context);
    return {autograd::slice_rows(nodes, 0, user_count_), autograd::slice_rows(nodes, user_count_, user_count_ + item_count_)};
  }
  Embeddings own() const override { return {users_, items_}; }

 protected:
  virtual Var propagate(const Var& nodes, const nn::Context& context) const = 0;  // [users + items, D] -> [users + items, K]

  int64_t user_count_, item_count_;
  graph::SparseMatrix matrix_;
  Var users_, items_;
};

}  // namespace genrec::baselines
