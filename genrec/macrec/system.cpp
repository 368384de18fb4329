#include "genrec/macrec/system.h"

#include <algorithm>

#include "genrec/any_identifiers.h"
#include "genrec/log.h"
#include "genrec/macrec/generator_stage.h"
#include "genrec/macrec/identifier_files.h"
#include "genrec/macrec/identifier_stage.h"
#include "nn/checkpoint.h"
#include "tensor/error.h"

namespace genrec::macrec {

using tensor::Fault;
using tensor::require;

namespace {

// A trained generator with the tries of its identifiers.
class TrainedMacrec : public TrainedModel {
 public:
  TrainedMacrec(const Options& options, const Dataset& dataset, const RunFolder& run, uint64_t seed)
      : dataset_(require_ordered(dataset, options.model)),
        model_(options.generator, load_identifiers(run, dataset, tasks_named(options.generator.tasks)), seed) {
    const std::string file = run / "generator.safetensors";
    require(Fault::missing_input, file_exists(file), file, ": is not there yet; run the stage generator first");
    const nn::Checkpoint checkpoint = nn::Checkpoint::read(file);
    const auto same = [&](const char* key, const std::string& here) {
      require(Fault::bad_data, checkpoint.text(key) == here, file, ": was made from other ", key, " (", checkpoint.text(key),
              ", here ", here, "); use those that the run was trained on");
    };
    same("data", genrec::fingerprint(dataset));
    same("identifiers", fingerprint(model_.identifiers()));
    checkpoint.restore("model", model_.parameters());
    model_.pack();
    if (checkpoint.text("done") != "1") note(file + ": the training is not finished; these are its latest weights");
  }

  Ranking rank(std::span<const Query> queries, int k) const override {
    Model::Lists lists = model_.rank(queries, k);
    last_ = {};
    for (const BeamLists& list : lists.of) last_.listed += list.listed, last_.seen += list.seen;
    for (size_t row = 0; row < queries.size(); ++row) {
      for (const RankedItem& entry : lists.of[0].of[row]) last_.both += entry_of(lists.of[1].of[row], entry.item) != nullptr;
      last_.merged += static_cast<int64_t>(lists.of[0].of[row].size() + lists.of[1].of[row].size());
    }
    return std::move(lists.ranking);
  }

  Record statistics() const override {
    const auto share = [](int64_t part, int64_t whole) {
      return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(whole, 1));
    };
    Record record;
    record.add("seen in raw beams", share(last_.seen, last_.listed));
    if (model_.lists(Language::textual) && model_.lists(Language::visual)) {
      record.add("found by both", share(last_.both, last_.merged - last_.both));
    }
    return record;
  }

  std::vector<Explanation> explain(const Query& query, const Ranking& ranking) const override {
    const Query queries[] = {query};
    const Model::Lists lists = model_.rank(queries, ranking.k);
    std::vector<Explanation> explanations;
    for (const int32_t item : ranking.of(0)) {
      Explanation& told = explanations.emplace_back();
      for (const Language language : kLanguages) {
        if (model_.identifiers()[language].levels == 0) continue;
        const std::string asked = model_.lists(language) ? place_in(lists.of[index_of(language)].of[0], item) : "not asked";
        told.lines.emplace_back(std::string(name_of(language)) + " identifier", identifier_text(language, item) + " " + asked);
      }
    }
    return explanations;
  }

 private:
  static const RankedItem* entry_of(const std::vector<RankedItem>& list, int32_t item) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const RankedItem& entry) { return entry.item == item; });
    return found == list.end() ? nullptr : &*found;
  }

  static std::string place_in(const std::vector<RankedItem>& list, int32_t item) {
    const RankedItem* entry = entry_of(list, item);
    if (!entry) return "not found by its " + std::to_string(list.size()) + " beams";
    char score[32];
    std::snprintf(score, sizeof score, "%.4f", static_cast<double>(entry->score));
    return std::string("score ") + score + ", place " + std::to_string(entry - list.data() + 1) + " of " + std::to_string(list.size());
  }

  // As published index files write it: small letters for text, capital ones for images.
  std::string identifier_text(Language language, int32_t item) const {
    std::string text;
    const auto codes = model_.identifiers()[language][item];
    for (size_t level = 0; level < codes.size(); ++level) {
      const char letter = static_cast<char>((language == Language::textual ? 'a' : 'A') + level);
      text += std::string("<") + letter + "_" + std::to_string(codes[level]) + ">";
    }
    return text;
  }

  struct Counts {
    int64_t listed = 0, seen = 0, both = 0, merged = 0;
  };
  const Dataset& dataset_;
  Model model_;
  mutable Counts last_;
};

// Languages without a given file are learnt, all of the identifiers' modalities together.
void run_ids_stage(const Options& options, const TrainingRequest& request) {
  const std::vector<Task> tasks = tasks_named(options.generator.tasks);
  const std::vector<std::string>& learnt = options.identifiers.modalities;
  bool learn = false;
  for (const Language language : kLanguages) {
    if (!speaks(tasks, language) || !given_file(options.ids, language).empty()) continue;
    learn = true;
    require(std::find(learnt.begin(), learnt.end(), name_of(language)) != learnt.end(), "--modalities: the tasks speak ",
            name_of(language), " identifiers; add ", name_of(language), ", or give them with --ids");
  }
  if (learn) run_identifier_stage(options.identifiers, request);
  for (const Language language : kLanguages) {  // those that were made elsewhere become the run's own files
    const std::string file = given_file(options.ids, language);
    if (file.empty() || !speaks(tasks, language)) continue;
    const ItemIdentifiers identifiers = read_any_identifiers(file, request.dataset);
    write_identifiers(request.run / identifier_file(name_of(language)), identifiers, request.dataset.item_ids);
  }
}

}  // namespace

void MacrecSystem::train(const TrainingRequest& request) {
  require_ordered(request.dataset, options_.model);
  if (request.stage.empty() || request.stage == "ids") run_ids_stage(options_, request);
  if (request.stage.empty() || request.stage == "generator") run_generator_stage(options_, request);
}

std::unique_ptr<TrainedModel> MacrecSystem::load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const {
  return std::make_unique<TrainedMacrec>(options_, dataset, run, seed);
}

Plan MacrecSystem::plan(const Dataset& dataset) const {
  require_ordered(dataset, options_.model);
  Plan plan;
  if (options_.ids.empty()) plan.stages.push_back(plan_identifier_stage(options_.identifiers, dataset));
  const std::vector<int32_t> sizes(options_.identifiers.levels, options_.identifiers.codes);
  plan.stages.push_back(plan_generator(options_.generator, dataset, sizes));
  return plan;
}

}  // namespace genrec::macrec
