// Stages assign (Rec-IDs from codes and popularity) and recommend (the Transformer).
#include "genrec/ahead.h"
#include "genrec/evaluate.h"
#include "genrec/identifier_usage.h"
#include "genrec/log.h"
#include "genrec/mmgrec/stages.h"
#include "genrec/trainer.h"
#include "nn/adam.h"
#include "nn/sgd.h"
#include "tensor/safetensors.h"

namespace genrec::mmgrec {

namespace {

constexpr const char* kIdentifiers = "identifiers.tsv";
constexpr const char* kRepresentations = "representations.safetensors";

tensor::Safetensors read_representations(const Dataset& dataset, const RunFolder& run) {
  tensor::require(tensor::Fault::missing_input, file_exists(run / kRepresentations), run / kRepresentations,
                  ": is not there yet; run the stage graph first");
  tensor::Safetensors file = tensor::read_safetensors(run / kRepresentations);
  tensor::require(tensor::Fault::bad_data, file.metadata_at("data") == fingerprint(dataset), file.path,
                  ": was made from other data (", file.metadata_at("data"), ", here ", fingerprint(dataset),
                  "); use the data that the run was trained on");
  return file;
}

}  // namespace

void run_assign_stage(const Options& options, const TrainingRequest& request) {
  const Tensor codes = read_representations(request.dataset, request.run).at("codes");
  ItemIdentifiers semantic;
  semantic.levels = static_cast<int>(codes.columns());
  semantic.sizes.assign(semantic.levels, options.quantizer.codes);
  semantic.codes = codes.to_vector<int32_t>();
  const std::vector<int32_t> counts = request.dataset.train_counts();
  const LastCode last = options.last_token == "random" ? LastCode::random : LastCode::popularity;
  const ItemIdentifiers identifiers =
      assign_identifiers(semantic, counts, last, request.seed);
  write_identifiers(request.run / kIdentifiers, identifiers, request.dataset.item_ids);
  const IdentifierUsage usage = measure_usage(identifiers);
  for (const std::string& warning : usage.warnings) note("warning: " + warning);
  note(tensor::join("identifiers: ", usage.groups, " different codes for ", usage.items, " items, largest group ",
                    usage.largest_group));
}

Stored load_stored(const Options& options, const Dataset& dataset, const RunFolder& run) {
  const tensor::Safetensors file = read_representations(dataset, run);
  tensor::require(tensor::Fault::missing_input, file_exists(run / kIdentifiers), run / kIdentifiers,
                  ": is not there yet; run the stage assign first");
  ItemIdentifiers identifiers = read_identifiers(run / kIdentifiers, dataset.item_ids);
  Vocabulary vocabulary(vocabulary_layout(options.transformer.vocabulary), identifiers.sizes);
  return {file.at("users"), file.at("items"), std::move(identifiers), std::move(vocabulary)};
}

std::unique_ptr<Recommender> make_recommender(nn::Parameters& parameters, const Options& options, const Stored& stored) {
  return std::make_unique<Recommender>(parameters, options.transformer, stored.items, stored.users, stored.vocabulary.size(),
                                       stored.identifiers.levels + 1);
}

InferenceOptions inference_options(const Options& options, int k, uint64_t seed) {
  InferenceOptions inference{.history = options.transformer.history, .beam = {.k = k}, .seed = seed};
  inference.beam.exclusion = options.exclude_seen == "trie"   ? Exclusion::trie
                             : options.exclude_seen == "leaf" ? Exclusion::leaf
                                                              : Exclusion::none;
  inference.beam.score = options.score == "renorm" ? BeamScore::renorm : BeamScore::full;
  return inference;
}

void run_recommend_stage(const Options& options, const TrainingRequest& request) {
  const TransformerOptions& o = options.transformer;
  const Stored stored = load_stored(options, request.dataset, request.run);
  const Trie trie(stored.identifiers);
  const TokenTable tokens = token_table(stored.identifiers, trie, stored.vocabulary);
  nn::Parameters parameters(request.seed);
  const auto recommender = make_recommender(parameters, options, stored);
  Sampler sampler(request.dataset, tokens, o, o.batch, request.seed);
  Ahead<Batch> batches([&](int64_t index) { return sampler.batch(index); });
  const std::vector<int32_t> users = users_with(request.dataset, Split::valid);
  const QuerySet queries(request.dataset, users, Split::valid);
  const ItemsOf held_out = held_out_items(request.dataset, Split::valid);

  std::unique_ptr<nn::Optimizer> optimizer;
  if (o.optimizer == "adam") optimizer = std::make_unique<nn::Adam>(nn::AdamOptions{.decay = o.weight_decay});
  else optimizer = std::make_unique<nn::Sgd>(nn::SgdOptions{.momentum = o.momentum, .decay = o.weight_decay});

  TrainingPhase phase{.name = "recommend", .epochs = o.epochs, .patience = o.patience, .validate_every = o.validate_every};
  phase.clip = o.clip;
  phase.learning_rate = o.learning_rate;
  phase.schedule = {.shape = nn::schedule_shape(o.schedule), .total_steps = o.epochs * sampler.begin_epoch(0)};
  phase.seed = request.seed;
  phase.parameters = &parameters;
  phase.optimizer = optimizer.get();
  phase.begin_epoch = [&](int64_t epoch) { return batches.begin([&] { return sampler.begin_epoch(epoch); }); };
  Batch batch;
  phase.begin_step = [&](int64_t index, const nn::Context&) {
    batch = batches.take(index);
    return inputs_of(batch);
  };
  phase.loss = [&](int64_t, const nn::Context& context) { return recommender->loss(batch, context); };
  if (!users.empty()) {
    phase.validate = [&] {
      const InferenceOptions inference = inference_options(options, options.validation_k, request.seed);
      const Ranking ranking =
          beam_rank(recommender->packed(), trie, stored.vocabulary, request.dataset, queries.queries(), inference);
      const MetricTable table = measure(ranking, users, held_out, std::span(&options.validation_k, 1));
      const std::string first = (options.validation_metric == "ndcg" ? "NDCG@" : "Recall@") + std::to_string(options.validation_k);
      Record record;
      record.add(first, table.mean(first));
      for (const std::string& name : table.names) {
        if (name != first) record.add(name, table.mean(name));
      }
      return record;
    };
  }
  phase.metadata = {{"data", fingerprint(request.dataset)}};
  train_phase(phase, request.run);
}

}  // namespace genrec::mmgrec
