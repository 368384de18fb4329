#include "genrec/macrec/generator_stage.h"

#include <algorithm>
#include <cmath>

#include "genrec/ahead.h"
#include "genrec/evaluate.h"
#include "genrec/log.h"
#include "genrec/macrec/ensemble.h"
#include "genrec/macrec/identifier_files.h"
#include "genrec/trainer.h"
#include "nn/adam.h"

namespace genrec::macrec {

using tensor::require;

namespace {

bool has(std::span<const Task> tasks, Task task) { return std::find(tasks.begin(), tasks.end(), task) != tasks.end(); }

Ensemble ensemble_named(const std::string& name) {
  return name == "avg" ? Ensemble::avg : name == "text" ? Ensemble::text : name == "image" ? Ensemble::image : Ensemble::avg_bonus;
}

Exclusion exclusion_named(const std::string& name) {
  return name == "trie" ? Exclusion::trie : name == "leaf" ? Exclusion::leaf : Exclusion::none;
}

}  // namespace

Model::Model(const GeneratorOptions& options, const SpokenIdentifiers& identifiers, uint64_t seed)
    : options_(options), tasks_(tasks_named(options.tasks)), identifiers_(identifiers), tokens_(tasks_, identifiers),
      parameters_(seed), transformer_(make_transformer(parameters_, options, tokens_.layout())) {
  require(lists(Language::textual) || lists(Language::visual), "--tasks: ", options.ensemble == "image" ? "seqimage" : "seqrec",
          " is needed to make lists; add it");
  for (const Language language : kLanguages) {
    if (lists(language)) tries_[index_of(language)] = std::make_unique<Trie>(trie_with_end(identifiers[language]));
  }
}

bool Model::lists(Language language) const {
  const bool textual = language == Language::textual;
  if (!has(tasks_, textual ? Task::seqrec : Task::seqimage)) return false;
  return !has(tasks_, textual ? Task::seqimage : Task::seqrec) || options_.ensemble != (textual ? "image" : "text");
}

Model::Lists Model::rank(std::span<const Query> queries, int k) const {
  Lists result;
  for (const Language language : kLanguages) {
    BeamLists& lists = result.of[index_of(language)];
    if (!tries_[index_of(language)]) lists.of.resize(queries.size());
    else
      lists = search_beams(packed_ ? *packed_ : transformer_, tokens_, *tries_[index_of(language)], language, queries,
                           {.history = options_.history, .beam = options_.beam,
                            .exclude_seen = exclusion_named(options_.exclude_seen)});
  }
  const Ensemble rule = !lists(Language::visual)    ? Ensemble::text
                        : !lists(Language::textual) ? Ensemble::image
                                                    : ensemble_named(options_.ensemble);
  result.ranking = Ranking(static_cast<int64_t>(queries.size()), k);
  for (size_t row = 0; row < queries.size(); ++row) {
    const auto merged = merge_lists(result.of[0].of[row], result.of[1].of[row], rule, options_.bonus);
    for (size_t rank = 0; rank < std::min<size_t>(merged.size(), k); ++rank) {
      result.ranking.items[row * k + rank] = merged[rank].item;
      result.ranking.scores[row * k + rank] = merged[rank].score;
    }
  }
  return result;
}

const Dataset& require_ordered(const Dataset& dataset, const std::string& model) {
  require(tensor::Fault::bad_data, dataset.ordered, model, ": the interactions of a user have no order in this data set; ",
          "import it with a time column or with --columns order=line, and --split leave-one-out");
  return dataset;
}

namespace {

// What a training consists of, while it runs.
class GeneratorTraining {
 public:
  GeneratorTraining(const Options& options, const TrainingRequest& request)
      : options_(options.generator),
        request_(request),
        model_(options_, load_identifiers(request.run, request.dataset, tasks_named(options_.tasks)), request.seed),
        samples_(request.dataset, model_.tasks(), options_.history, request.seed),
        sampler_(samples_, options_.batch, request.seed),
        loss_(model_.transformer(), model_.tokens(), options_),
        users_(users_with(request.dataset, Split::valid)) {
    require(options_.validation != "text-loss" || has(model_.tasks(), Task::seqrec),
            "--validation text-loss: needs the task seqrec; add it to --tasks, or choose loss");
  }

  void run() {
    nn::AdamW optimizer({.decay = options_.weight_decay});
    TrainingPhase phase{.name = "generator", .epochs = options_.epochs, .patience = options_.patience};
    phase.validate_every = options_.validate_every;
    phase.clip = options_.clip;
    phase.learning_rate = options_.learning_rate;
    const int64_t planned = sampler_.steps() * options_.epochs;
    phase.schedule = {.shape = nn::schedule_shape(options_.schedule),
                      .warmup_steps = static_cast<int64_t>(std::ceil(options_.warmup * static_cast<double>(planned))),
                      .total_steps = planned};
    phase.seed = request_.seed;
    phase.parameters = &model_.parameters();
    phase.optimizer = &optimizer;
    phase.begin_epoch = [&](int64_t epoch) { return steps_.begin([&] { return epoch_ = epoch, sampler_.steps(); }); };
    phase.begin_step = [&](int64_t index, const nn::Context&) { return loss_.begin(steps_.take(index)); };
    phase.parts = [&] { return loss_.parts(); };
    phase.part_loss = [&](int64_t part, const nn::Context& context) { return loss_.part(part, context); };
    phase.end_epoch = [&](Record& record) { record.add("sequences", samples_.size()); };
    phase.minimize = options_.validation != "ndcg";
    if (!users_.empty()) phase.validate = [&] { return validate(); };
    phase.metadata = {{"data", genrec::fingerprint(request_.dataset)}, {"identifiers", fingerprint(model_.identifiers())}};
    train_phase(phase, request_.run);
  }

 private:
  StepLoss::Step make_step(int64_t index) const {
    const std::vector<Sample> step = sampler_.step(epoch_, index);
    std::vector<int32_t> aligned;
    const bool two = speaks(model_.tasks(), Language::textual) && speaks(model_.tasks(), Language::visual);
    if (two && options_.implicit_weight > 0) {
      const uint64_t number = static_cast<uint64_t>(epoch_ * sampler_.steps() + index);
      aligned = items_to_align(step, options_.implicit_items, request_.dataset.item_count(),
                               tensor::Random(request_.seed, "generator/implicit", number));
    }
    return loss_.prepare(step, aligned);
  }

  double held_out_loss(Task task) const {
    double sum = 0;
    int64_t tokens = 0;
    std::vector<Sample> some;
    for (size_t first = 0; first < users_.size(); first += options_.micro_batch) {
      some.clear();
      for (size_t u = first; u < std::min(users_.size(), first + options_.micro_batch); ++u) {
        some.push_back(samples_.held_out(users_[u], Split::valid, task));
      }
      const Batch batch = pack(some, model_.tokens());
      sum += sequence_loss(model_.transformer(), batch, {}).value().item() * static_cast<double>(batch.targets.size());
      tokens += batch.targets.size();
    }
    return sum / static_cast<double>(tokens);
  }

  Record validate() {
    Record record;
    if (options_.validation == "ndcg") {
      const QuerySet queries(request_.dataset, users_, Split::valid);
      model_.pack();
      const Ranking ranking = model_.rank(queries.queries(), options_.validation_k).ranking;
      const MetricTable table =
          measure(ranking, users_, held_out_items(request_.dataset, Split::valid), std::span(&options_.validation_k, 1));
      for (const char* name : {"NDCG@", "HR@"}) {
        record.add(name + std::to_string(options_.validation_k), table.mean(name + std::to_string(options_.validation_k)));
      }
      return record;
    }
    std::vector<std::pair<const char*, double>> losses;
    for (const Task task : {Task::seqrec, Task::seqimage}) {
      const bool judged = task == Task::seqrec || options_.validation == "loss";
      if (judged && has(model_.tasks(), task)) losses.emplace_back(traits(task).name, held_out_loss(task));
    }
    double mean = 0;
    for (const auto& [name, loss] : losses) mean += loss / static_cast<double>(losses.size());
    record.add("loss", mean);
    for (const auto& [name, loss] : losses) {
      if (losses.size() > 1) record.add(std::string(name) + " loss", loss);
    }
    return record;
  }

  GeneratorOptions options_;
  const TrainingRequest& request_;
  Model model_;
  Samples samples_;
  Sampler sampler_;
  StepLoss loss_;
  std::vector<int32_t> users_;
  int64_t epoch_ = 0;
  Ahead<StepLoss::Step> steps_{[this](int64_t index) { return make_step(index); }};
};

}  // namespace

void run_generator_stage(const Options& options, const TrainingRequest& request) {
  require_ordered(request.dataset, options.model);
  GeneratorTraining(options, request).run();
}

}  // namespace genrec::macrec
