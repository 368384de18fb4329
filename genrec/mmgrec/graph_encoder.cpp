#include "genrec/mmgrec/graph_encoder.h"

#include "autograd/ops/add.h"
#include "autograd/ops/bpr_loss.h"
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/concat_rows.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/row_dot.h"
#include "autograd/ops/segment_mean.h"
#include "autograd/ops/slice_rows.h"
#include "genrec/features.h"
#include "nn/initializers.h"
#include "tensor/cuda/replays.h"

namespace genrec::mmgrec {

namespace {

constexpr int64_t kWordWidth = 128;

FeatureScaling feature_scaling(const GraphOptions& options) {
  return options.feature_scaling == "none" ? FeatureScaling::none : FeatureScaling::standardize;
}

}  // namespace

GraphEncoder::GraphEncoder(nn::Parameters& parameters, const GraphOptions& options, const Dataset& dataset)
    : options_(options),
      users_(dataset.users()),
      items_(dataset.item_count()),
      matrix_(interaction_matrix(dataset, graph::Normalisation::mean)),
      features_(concatenated_features(dataset, feature_scaling(options))) {
  const int64_t width = options.width, projected = options.free_item_vector ? width : 2 * width;
  tensor::require(tensor::Fault::bad_data, features_.defined() || !dataset.words.empty(),
                  "mmgrec: the data set has no item features; import at least one modality with --feature");
  if (features_.defined()) projection_ = parameters.add("projection", {features_.columns(), projected}, nn::xavier_uniform());
  for (const auto& [name, lists] : dataset.words) {
    const std::vector<int32_t> offsets(lists.offsets.begin(), lists.offsets.end());
    words_.push_back({Tensor::from(lists.words), Tensor::from(offsets),
                      parameters.add("words." + name, {lists.vocabulary, kWordWidth}, nn::xavier_uniform()),
                      parameters.add("words." + name + ".projection", {kWordWidth, projected}, nn::xavier_uniform())});
  }
  if (options.free_item_vector) free_items_ = parameters.add("items", {items_, width}, nn::xavier_uniform());
  user_inputs_ = parameters.add("users", {users_, 2 * width}, nn::xavier_uniform());
  layers_.emplace_back(parameters, "gcn.0", 2 * width, 2 * width,
                       graph::GcnLayerOptions{.dropout = options.dropout1, .bias = options.neighbour_bias});
  layers_.emplace_back(parameters, "gcn.1", 2 * width, width,
                       graph::GcnLayerOptions{.activation = options.last_activation ? nn::Activation::leaky_relu : nn::Activation::none,
                                              .dropout = options.dropout2, .bias = options.neighbour_bias});
}

Var GraphEncoder::item_inputs() const {
  Var projected;  // H_m = F W (Eq. 4); word lists add the mean of their words' vectors
  if (projection_.defined()) projected = autograd::matmul(features_, projection_);
  for (const Words& words : words_) {
    const Var mean = autograd::segment_mean(autograd::gather_rows(words.table, words.ids), words.offsets);
    const Var part = autograd::matmul(mean, words.projection);
    projected = projected.defined() ? autograd::add(projected, part) : part;
  }
  return free_items_.defined() ? autograd::concat_columns({projected, free_items_}) : projected;
}

Var GraphEncoder::forward(const nn::Context& context) const {
  Var x = autograd::concat_rows({user_inputs_, item_inputs()});  // [users + items, 2D]
  for (const graph::GcnLayer& layer : layers_) x = layer(matrix_, x, context);
  return x;
}

Var GraphEncoder::bpr(const Var& nodes, const TripleBatch& batch) const {
  const int64_t n = batch.users.size();
  Tensor ids({3 * n}, tensor::DType::i32);  // one gather, so one scattered gradient
  tensor::cuda::every_run({ids}, [=, users = static_cast<int32_t>(users_)]() mutable {
    int32_t* id = ids.data<int32_t>();
    for (int64_t t = 0; t < n; ++t) {
      id[t] = batch.users.data<int32_t>()[t];
      id[n + t] = batch.positives.data<int32_t>()[t] + users;
      id[2 * n + t] = batch.negatives.data<int32_t>()[t] + users;
    }
  });
  const Var rows = autograd::gather_rows(nodes, ids);
  const Var users = autograd::slice_rows(rows, 0, n);
  return autograd::bpr_loss(autograd::row_dot(users, autograd::slice_rows(rows, n, 2 * n)),
                            autograd::row_dot(users, autograd::slice_rows(rows, 2 * n, 3 * n)));
}

Representations GraphEncoder::representations() const {
  const Tensor nodes = forward({}).value();
  return {nodes.row_range(0, users_).clone(), nodes.row_range(users_, users_ + items_).clone()};
}

}  // namespace genrec::mmgrec
