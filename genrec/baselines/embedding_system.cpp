#include "genrec/baselines/embedding_system.h"

#include "autograd/ops/add.h"
#include "autograd/ops/bpr_loss.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/l2_penalty.h"
#include "autograd/ops/row_dot.h"
#include "autograd/ops/scale.h"
#include "genrec/ahead.h"
#include "genrec/evaluate.h"
#include "genrec/inner_product.h"
#include "genrec/trainer.h"
#include "genrec/triples.h"
#include "nn/adam.h"
#include "tensor/safetensors.h"

namespace genrec::baselines {

namespace {

constexpr const char* kEmbeddings = "embeddings.safetensors";

class TrainedEmbeddings : public TrainedModel {
 public:
  TrainedEmbeddings(const Dataset& dataset, const RunFolder& run) : dataset_(dataset) {
    const std::string path = run / kEmbeddings;
    tensor::require(tensor::Fault::missing_input, file_exists(path), path, ": is not there yet; run `genrec train` to the end");
    const tensor::Safetensors file = tensor::read_safetensors(path);
    tensor::require(tensor::Fault::bad_data, file.metadata_at("data") == fingerprint(dataset), path,
                    ": was made from other data; use the data that the run was trained on");
    users_ = file.at("users"), items_ = file.at("items").to(tensor::default_device());
  }

  Ranking rank(std::span<const Query> queries, int k) const override {
    return rank_by_inner_product(user_rows(dataset_, users_, queries), items_, queries, k);
  }

 private:
  const Dataset& dataset_;
  Tensor users_, items_;
};

// mean BPR + l2 / 2 (|u|^2 + |i|^2 + |j|^2) per triple, over the vectors before propagation.
Var bpr_with_penalty(const EmbeddingModel& model, const TripleBatch& batch, double l2, const nn::Context& context) {
  const Embeddings e = model.forward(context);
  const Var users = autograd::gather_rows(e.users, batch.users);
  const Var loss = autograd::bpr_loss(autograd::row_dot(users, autograd::gather_rows(e.items, batch.positives)),
                                      autograd::row_dot(users, autograd::gather_rows(e.items, batch.negatives)));
  if (l2 == 0) return loss;
  const Embeddings own = model.own();
  const Var penalty = autograd::l2_penalty({autograd::gather_rows(own.users, batch.users),
                                             autograd::gather_rows(own.items, batch.positives),
                                             autograd::gather_rows(own.items, batch.negatives)});
  return autograd::add(loss, autograd::scale(penalty, l2 / static_cast<double>(batch.users.size())));
}

}  // namespace

void EmbeddingSystem::describe(OptionTable& table) {
  EmbeddingOptions& o = options_;
  table.group("Model");
  table.add("width", o.width, "width of the user and item vectors").range(1, 65536);
  table.add("layers", o.layers, "layers of propagation (graph models)").range(0, 16);
  table.add("dropout", o.dropout, "dropout of propagated messages (ngcf, graphsage)").range(0, 0.99);
  table.group("Training");
  table.add("learning-rate", o.learning_rate, "learning rate (Adam)").range(0, 10);
  table.add("l2", o.l2, "penalty on the vectors of a triple, before propagation").range(0, 100);
  table.add("batch", o.batch, "triples (user, item, negative) in a step").range(1, 1 << 24);
  table.add("negatives", o.negatives, "negative items per positive").range(1, 1000);
  table.add("epochs", o.epochs, "most epochs").range(0, 1e6);
  table.add("patience", o.patience, "epochs without a better validation Recall before training ends; 0 never").range(0, 1e6);
  table.add("validation-k", o.validation_k, "K of the validation Recall@K").range(1, 1000);
}

Plan EmbeddingSystem::plan(const Dataset& dataset) const {
  nn::Parameters parameters;
  make_(parameters, options_, dataset);
  const int64_t elements = parameters.elements(), nodes = dataset.users() + dataset.item_count();
  Plan plan;
  plan.stages.push_back({"train", "BPR over " + std::to_string(dataset.interactions(Split::train) * options_.negatives) + " triples",
                         elements, 4 * (4 * elements + nodes * options_.width * 8 * (options_.layers + 1))});
  return plan;
}

void EmbeddingSystem::train(const TrainingRequest& request) {
  const EmbeddingOptions& o = options_;
  nn::Parameters parameters(request.seed);
  const auto model = make_(parameters, o, request.dataset);
  nn::Adam optimizer;
  TripleSampler triples(request.dataset, o.negatives, /*resample=*/true, o.batch, request.seed);
  Ahead<TripleBatch> batches([&](int64_t index) { return triples.batch(index); });
  const std::vector<int32_t> users = users_with(request.dataset, Split::valid);
  const QuerySet queries(request.dataset, users, Split::valid);
  const ItemsOf held_out = held_out_items(request.dataset, Split::valid);

  TrainingPhase phase{.name = "train", .epochs = o.epochs, .patience = o.patience};
  phase.learning_rate = o.learning_rate;
  phase.seed = request.seed;
  phase.parameters = &parameters;
  phase.optimizer = &optimizer;
  phase.begin_epoch = [&](int64_t epoch) { return batches.begin([&] { return triples.begin_epoch(epoch); }); };
  TripleBatch batch;
  phase.begin_step = [&](int64_t index, const nn::Context&) {
    batch = batches.take(index);
    return StepInputs{.tensors = {batch.users, batch.positives, batch.negatives}, .key = {}};
  };
  phase.loss = [&](int64_t, const nn::Context& context) { return bpr_with_penalty(*model, batch, o.l2, context); };
  if (!users.empty()) {
    phase.validate = [&] {
      const Embeddings e = model->forward({});
      const Tensor rows = user_rows(request.dataset, e.users.value(), queries.queries());
      return summary(measure(rank_by_inner_product(rows, e.items.value(), queries.queries(), o.validation_k), users, held_out,
                             std::span(&o.validation_k, 1)));
    };
  }
  phase.metadata = {{"data", fingerprint(request.dataset)}};
  train_phase(phase, request.run);
  const Embeddings e = model->forward({});
  tensor::write_safetensors(request.run / kEmbeddings, {{"users", e.users.value()}, {"items", e.items.value()}},
                            {{"data", fingerprint(request.dataset)}});
}

std::unique_ptr<TrainedModel> EmbeddingSystem::load(const Dataset& dataset, const RunFolder& run, uint64_t) const {
  return std::make_unique<TrainedEmbeddings>(dataset, run);
}

}  // namespace genrec::baselines
