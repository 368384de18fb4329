// Stage graph: BPR on the graph and the residual quantiser on its item vectors, in turns.
#include "autograd/ops/gather_rows.h"
#include "genrec/ahead.h"
#include "genrec/evaluate.h"
#include "genrec/features.h"
#include "genrec/inner_product.h"
#include "genrec/log.h"
#include "genrec/mmgrec/item_quantizer.h"
#include "genrec/mmgrec/stages.h"
#include "genrec/trainer.h"
#include "nn/adam.h"
#include "nn/sgd.h"
#include "quant/code_revival.h"
#include "quant/hierarchical_kmeans.h"
#include "tensor/divide.h"
#include "tensor/safetensors.h"

namespace genrec::mmgrec {

namespace {

constexpr int64_t kRevivalPatience = 50;  // steps without use

std::unique_ptr<nn::Optimizer> make_optimizer(const std::string& name, double momentum, double decay) {
  if (name == "adam") return std::make_unique<nn::Adam>(nn::AdamOptions{.decay = decay});
  return std::make_unique<nn::Sgd>(nn::SgdOptions{.momentum = momentum, .decay = decay});
}

// Recall of the inner products h_u . h_i, seen items left out.
Record validate_graph(const Representations& r, const Dataset& dataset, const QuerySet& queries,
                      const std::vector<int32_t>& users, const ItemsOf& held_out, int k) {
  const Tensor rows = user_rows(dataset, r.users, queries.queries());
  return summary(measure(rank_by_inner_product(rows, r.items, queries.queries(), k), users, held_out, std::span(&k, 1)));
}

class GraphStage {
 public:
  GraphStage(const Options& options, const TrainingRequest& request)
      : options_(options),
        request_(request),
        parameters_(request.seed),
        encoder_(parameters_, options.graph, request.dataset),
        optimizer_(make_optimizer(options.graph.optimizer, 0, options.graph.weight_decay)),
        triples_(request.dataset, options.graph.negatives, options.graph.resample_negatives, options.graph.batch, request.seed),
        features_(options.quantizer.input == "features" ? concatenated_features(request.dataset) : Tensor()),
        quantizer_parameters_(request.seed),
        quantizer_(quantizer_parameters_, options.quantizer,
                   features_.defined() ? features_.columns() : options.graph.width),
        quantizer_optimizer_(make_optimizer("adam", 0, options.quantizer.weight_decay)),
        revival_(quantizer_.quantizer(), {.patience = kRevivalPatience}),
        valid_users_(users_with(request.dataset, Split::valid)),
        valid_queries_(request.dataset, valid_users_, Split::valid),
        valid_items_(held_out_items(request.dataset, Split::valid)) {}

  void run() {
    const bool learned = options_.quantizer.method == "rqvae";
    for (int round = 0; round < options_.rounds; ++round) {
      train_graph(round);
      items_ = encoder_.representations();
      if (learned) train_quantizer(round);
    }
    const Tensor codes = learned ? quantizer_.codes(inputs()) : hierarchical_codes();
    tensor::write_safetensors(request_.run / "representations.safetensors",
                              {{"users", items_.users}, {"items", items_.items}, {"codes", codes}},
                              {{"data", fingerprint(request_.dataset)}});
  }

 private:
  const Tensor& inputs() const { return features_.defined() ? features_ : items_.items; }

  void train_graph(int round) {
    Ahead<TripleBatch> batches([this](int64_t index) { return triples_.batch(index); });
    TrainingPhase phase{.name = "graph", .round = round, .epochs = options_.graph.epochs, .patience = options_.graph.patience};
    phase.learning_rate = options_.graph.learning_rate;
    phase.seed = request_.seed;
    phase.last_round = round + 1 == options_.rounds;
    phase.parameters = &parameters_;
    phase.optimizer = optimizer_.get();
    phase.begin_epoch = [&, round](int64_t epoch) {
      return batches.begin([&] { return triples_.begin_epoch(round * options_.graph.epochs + epoch); });
    };
    TripleBatch batch;
    phase.begin_step = [&](int64_t index, const nn::Context&) {
      batch = batches.take(index);
      return StepInputs{.tensors = {batch.users, batch.positives, batch.negatives}, .key = {}};
    };
    phase.loss = [&](int64_t, const nn::Context& context) { return encoder_.bpr(encoder_.forward(context), batch); };
    if (!valid_users_.empty()) {
      phase.validate = [&] {
        return validate_graph(encoder_.representations(), request_.dataset, valid_queries_, valid_users_, valid_items_,
                              options_.validation_k);
      };
    }
    phase.metadata = {{"data", fingerprint(request_.dataset)}};
    train_phase(phase, request_.run);
  }

  void train_quantizer(int round) {
    const QuantizerOptions& o = options_.quantizer;
    if (round == 0 && o.codebook_init == "kmeans" && !file_exists(request_.run / "quantizer.safetensors")) {
      quantizer_.initialise_codebooks(inputs(), request_.seed);
    }
    std::vector<int32_t> order(inputs().rows());
    TrainingPhase phase{.name = "quantizer", .round = round, .epochs = o.epochs};
    phase.learning_rate = o.learning_rate;
    phase.seed = request_.seed;
    phase.last_round = round + 1 == options_.rounds;
    phase.parameters = &quantizer_parameters_;
    phase.optimizer = quantizer_optimizer_.get();
    phase.begin_epoch = [&](int64_t epoch) {
      for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
      tensor::Generator rng(request_.seed, "quantizer/order", static_cast<uint64_t>(round * o.epochs + epoch));
      rng.shuffle(std::span<int32_t>(order));
      return tensor::ceil_div(std::ssize(order), o.batch);
    };
    Tensor ids;
    phase.begin_step = [&](int64_t index, const nn::Context&) {
      const size_t first = index * o.batch, last = std::min(order.size(), first + o.batch);
      ids = Tensor::from(std::span<const int32_t>(order.data() + first, last - first), {static_cast<int64_t>(last - first)});
      return StepInputs{.tensors = {ids}, .key = {}};
    };
    phase.loss = [&](int64_t, const nn::Context&) {
      last_ = quantizer_.step(autograd::gather_rows(inputs(), ids).value());
      return last_.loss;
    };
    phase.after_step = [&](const nn::Context& context) {
      const tensor::Random random(context.seed, "code-revival", context.step, context.step_on_device);
      if (o.revive_dead_codes) revival_.update(quantizer_.quantizer(), last_.quantized, random);
      last_ = {};
    };
    phase.extra = {{"idle codes", revival_.idle()}};
    phase.end_epoch = [&](Record& record) {
      const auto usage = quantizer_.usage(inputs());
      for (size_t level = 0; level < usage.size(); ++level) {
        const std::string prefix = "level " + std::to_string(level);
        record.add(prefix + " used", usage[level].used).add(prefix + " perplexity", usage[level].perplexity);
      }
    };
    phase.metadata = {{"data", fingerprint(request_.dataset)}};
    train_phase(phase, request_.run);
  }

  // Split every cluster again, so that the capacity is that of the residual quantiser (variant "hkmeans").
  Tensor hierarchical_codes() const {
    quant::HierarchicalKMeansOptions o;
    o.branches.assign(options_.quantizer.levels, options_.quantizer.codes);
    o.kmeans.seed = request_.seed;
    return quant::hierarchical_kmeans(inputs(), o);
  }

  const Options& options_;
  const TrainingRequest& request_;
  nn::Parameters parameters_;
  GraphEncoder encoder_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  TripleSampler triples_;
  Tensor features_;
  nn::Parameters quantizer_parameters_;
  ItemQuantizer quantizer_;
  std::unique_ptr<nn::Optimizer> quantizer_optimizer_;
  quant::CodeRevival revival_;
  ItemQuantizer::Step last_;  // of the training step under way
  std::vector<int32_t> valid_users_;
  QuerySet valid_queries_;
  ItemsOf valid_items_;
  Representations items_;
};

}  // namespace

void run_graph_stage(const Options& options, const TrainingRequest& request) { GraphStage(options, request).run(); }

}  // namespace genrec::mmgrec
