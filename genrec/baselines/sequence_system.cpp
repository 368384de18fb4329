#include "genrec/baselines/sequence_system.h"

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/mean.h"
#include "autograd/ops/row_dot.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/softplus.h"
#include "genrec/ahead.h"
#include "genrec/baselines/sequence_batches.h"
#include "genrec/evaluate.h"
#include "genrec/inner_product.h"
#include "genrec/trainer.h"
#include "nn/adam.h"
#include "nn/checkpoint.h"

namespace genrec::baselines {

namespace {

constexpr const char* kWeights = "train.safetensors";  // as train_phase names it
constexpr size_t kQueriesAtOnce = 1024;
constexpr int kValidationK = 10;

Var loss_of(const SequenceModel& model, const SequenceBatch& batch, SequenceLoss loss, const nn::Context& context) {
  Var states = model.states(batch.items, batch.offsets, context);
  if (batch.rows.defined()) states = autograd::gather_rows(states, batch.rows);
  const Var outputs = model.outputs(states), items = model.items();  // [n, K], [items, K]
  if (loss == SequenceLoss::full) return autograd::cross_entropy(autograd::matmul(outputs, items, false, true), batch.targets);
  const Var right = autograd::row_dot(outputs, autograd::gather_rows(items, batch.targets));
  const Var wrong = autograd::row_dot(outputs, autograd::gather_rows(items, batch.negatives));
  return autograd::mean(autograd::add(autograd::softplus(autograd::scale(right, -1)), autograd::softplus(wrong)));
}

Ranking rank_sequences(const SequenceModel& model, int history, std::span<const Query> queries, int k) {
  const Tensor items = model.items().value();
  Ranking ranking(static_cast<int64_t>(queries.size()), k);
  for (size_t first = 0; first < queries.size(); first += kQueriesAtOnce) {
    const auto some = queries.subspan(first, std::min(kQueriesAtOnce, queries.size() - first));
    std::vector<std::span<const int32_t>> sequences;
    for (const Query& query : some) sequences.push_back(query.sequence);
    const SequenceBatch batch = known_sequences(sequences, history, model.mask());
    const Var states = autograd::gather_rows(model.states(batch.items, batch.offsets, {}), batch.rows);
    const Ranking part = rank_by_inner_product(model.outputs(states).value(), items, some, k);
    std::copy(part.items.begin(), part.items.end(), ranking.items.begin() + static_cast<int64_t>(first) * k);
    std::copy(part.scores.begin(), part.scores.end(), ranking.scores.begin() + static_cast<int64_t>(first) * k);
  }
  return ranking;
}

class TrainedSequences : public TrainedModel {
 public:
  TrainedSequences(MakeSequenceModel make, const SequenceOptions& options, const Dataset& dataset, const RunFolder& run)
      : history_(options.history), model_(make(parameters_, options, dataset.item_count())) {
    const std::string path = run / kWeights;
    tensor::require(tensor::Fault::missing_input, file_exists(path), path, ": is not there yet; run `genrec train` to the end");
    const nn::Checkpoint checkpoint = nn::Checkpoint::read(path);
    tensor::require(tensor::Fault::bad_data, checkpoint.text("data") == fingerprint(dataset), path,
                    ": was made from other data; use the data that the run was trained on");
    tensor::require(tensor::Fault::missing_input, checkpoint.text("done") == "1", path,
                    ": the training is not done; go on with `genrec train --resume`");
    checkpoint.restore("model", parameters_);
  }
  Ranking rank(std::span<const Query> queries, int k) const override { return rank_sequences(*model_, history_, queries, k); }

 private:
  int history_;
  nn::Parameters parameters_;
  std::unique_ptr<SequenceModel> model_;
};

void require_usable(const Dataset& dataset, const SequenceOptions& options) {
  tensor::require(tensor::Fault::bad_data, dataset.ordered,
                  "the data set has no order, which a sequential model needs; import it with a time, or choose another --model");
  tensor::require(options.width % options.heads == 0, "--heads ", options.heads, ": does not divide --width ", options.width,
                  "; choose one that does");
}

}  // namespace

void SequenceSystem::describe(OptionTable& table) {
  SequenceOptions& o = options_;
  table.group("Model");
  table.add("width", o.width, "width of the vectors").range(1, 65536);
  table.add("layers", o.layers, "layers").range(1, 64);
  table.add("heads", o.heads, "attention heads (sasrec, bert4rec)").range(1, 1024);
  table.add("dropout", o.dropout, "dropout").range(0, 0.99);
  table.add("history", o.history, "most recent items that are read").range(2, 1e6);
  table.group("Training");
  table.add("loss", o.loss, "full: cross-entropy over all items; binary: one random item beside the right one, as SASRec was published",
            {{"full", SequenceLoss::full}, {"binary", SequenceLoss::binary}});
  table.add("masked", o.masked, "share of the items that is hidden (bert4rec)").range(0, 1);
  table.add("learning-rate", o.learning_rate, "learning rate (Adam)").range(0, 10);
  table.add("batch", o.batch, "sequences in a step").range(1, 1 << 24);
  table.add("epochs", o.epochs, "most epochs").range(0, 1e6);
  table.add("patience", o.patience, "epochs without a better validation NDCG@10 before training ends; 0 never").range(0, 1e6);
}

Plan SequenceSystem::plan(const Dataset& dataset) const {
  require_usable(dataset, options_);
  nn::Parameters parameters;
  const auto model = make_(parameters, options_, dataset.item_count());
  const SequenceSampler sampler(dataset, options_, model->mask(), 0);
  const double mean = static_cast<double>(dataset.interactions(Split::train)) / static_cast<double>(dataset.users());
  const double tokens = options_.batch * std::min<double>(mean, options_.history);
  const int64_t activations = static_cast<int64_t>(tokens * (24.0 * options_.layers * options_.width + 2.0 * dataset.item_count()));
  Plan plan;
  plan.stages.push_back({"train", tensor::join("at most ", options_.epochs, " epochs over ", sampler.sequences(), " sequences"),
                         parameters.elements(), 4 * (4 * parameters.elements() + activations)});
  return plan;
}

void SequenceSystem::train(const TrainingRequest& request) {
  const SequenceOptions& o = options_;
  require_usable(request.dataset, o);
  nn::Parameters parameters(request.seed);
  const auto model = make_(parameters, o, request.dataset.item_count());
  nn::Adam optimizer;
  const bool on_gpu = tensor::default_device() == tensor::Device::cuda;
  const bool repeats = on_gpu && o.loss == SequenceLoss::full && model->repeats_kernels();  // steps
  SequenceSampler sampler(request.dataset, o, model->mask(), request.seed, /*padded=*/repeats);
  Ahead<SequenceBatch> batches([&](int64_t index) { return sampler.batch(index); });
  const std::vector<int32_t> users = users_with(request.dataset, Split::valid);
  const QuerySet queries(request.dataset, users, Split::valid);
  const ItemsOf held_out = held_out_items(request.dataset, Split::valid);

  TrainingPhase phase{.name = "train", .epochs = o.epochs, .patience = o.patience};
  phase.learning_rate = o.learning_rate;
  phase.seed = request.seed;
  phase.parameters = &parameters;
  phase.optimizer = &optimizer;
  phase.begin_epoch = [&](int64_t epoch) { return batches.begin([&] { return sampler.begin_epoch(epoch); }); };
  SequenceBatch batch;
  phase.begin_step = [&](int64_t index, const nn::Context&) {
    batch = batches.take(index);
    StepInputs inputs;
    if (!repeats) return inputs;
    inputs.add(batch.items), inputs.add(batch.targets), inputs.add_offsets(batch.offsets);
    if (batch.rows.defined()) inputs.add(batch.rows);
    return inputs;
  };
  phase.loss = [&](int64_t, const nn::Context& context) { return loss_of(*model, batch, o.loss, context); };
  if (!users.empty()) {
    phase.validate = [&] {
      const Ranking ranking = rank_sequences(*model, o.history, queries.queries(), kValidationK);
      const MetricTable metrics = measure(ranking, users, held_out, std::span(&kValidationK, 1));
      Record record;
      record.add("NDCG@10", metrics.mean("NDCG@10")).add("HR@10", metrics.mean("HR@10"));
      return record;
    };
  }
  phase.metadata = {{"data", fingerprint(request.dataset)}};
  train_phase(phase, request.run);
}

std::unique_ptr<TrainedModel> SequenceSystem::load(const Dataset& dataset, const RunFolder& run, uint64_t) const {
  return std::make_unique<TrainedSequences>(make_, options_, dataset, run);
}

}  // namespace genrec::baselines
