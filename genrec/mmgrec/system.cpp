#include "genrec/mmgrec/system.h"

#include <cmath>

#include "genrec/log.h"
#include "genrec/mmgrec/stages.h"
#include "nn/checkpoint.h"

namespace genrec::mmgrec {

namespace {

// A trained MMGRec: the Transformer, the trie of Rec-IDs and the beam search.
class TrainedMmgrec : public TrainedModel {
 public:
  TrainedMmgrec(const Options& options, const Dataset& dataset, const RunFolder& run, uint64_t seed)
      : options_(options),
        dataset_(dataset),
        seed_(seed),
        stored_(load_stored(options, dataset, run)),
        trie_(stored_.identifiers),
        recommender_(make_recommender(parameters_, options, stored_)) {
    const std::string file = run / "recommend.safetensors";
    tensor::require(tensor::Fault::missing_input, file_exists(file), file, ": is not there yet; run the stage recommend first");
    const nn::Checkpoint checkpoint = nn::Checkpoint::read(file);
    checkpoint.restore("model", parameters_);
    if (checkpoint.text("done") != "1") note(file + ": the training is not finished; these are its latest weights");
    *recommender_ = recommender_->packed();
  }

  Ranking rank(std::span<const Query> queries, int k) const override {
    trace_ = {};
    return beam_rank(*recommender_, trie_, stored_.vocabulary, dataset_, queries, inference_options(options_, k, seed_), &trace_);
  }

  Record statistics() const override {
    Record record;
    record.add("valid beams", 1.0);  // every beam is a path of the trie
    if (options_.exclude_seen != "trie") record.add("seen in raw beams", trace_.statistics.excluded_share());
    return record;
  }

  std::vector<Explanation> explain(const Query& query, const Ranking& ranking) const override;

 private:
  std::string name_of_item(int32_t item) const {
    const std::string& id = dataset_.item_ids[item];
    return dataset_.titles.empty() || dataset_.titles[item].empty() ? id : id + " \"" + dataset_.titles[item] + "\"";
  }
  std::string neighbours(int32_t item, int depth) const;

  Options options_;
  const Dataset& dataset_;
  uint64_t seed_;
  Stored stored_;
  Trie trie_;
  nn::Parameters parameters_;
  std::unique_ptr<Recommender> recommender_;
  mutable SearchTrace trace_;
};

// The items that share the first `depth` codes, nearest by item vector first.
std::string TrainedMmgrec::neighbours(int32_t item, int depth) const {
  constexpr size_t kShown = 3;
  const auto codes = stored_.identifiers[item];
  const auto under = trie_.items_under(depth, trie_.find(codes.first(depth)));
  const Tensor vectors = recommender_->item_vectors().to(tensor::Device::cpu);
  const int64_t width = vectors.columns();
  const auto distance = [&](int32_t other) {
    double sum = 0;
    for (int64_t d = 0; d < width; ++d) {
      const double x = vectors.data<float>()[item * width + d] - vectors.data<float>()[other * width + d];
      sum += x * x;
    }
    return sum;
  };
  std::vector<std::pair<double, int32_t>> near;
  for (int32_t other : under) {
    if (other != item) near.emplace_back(distance(other), other);
  }
  std::partial_sort(near.begin(), near.begin() + std::min(near.size(), kShown), near.end());
  std::string text = std::to_string(near.size()) + " other items";
  for (size_t n = 0; n < std::min(near.size(), kShown); ++n) text += (n ? ", " : ", nearest: ") + name_of_item(near[n].second);
  return text;
}

std::vector<Explanation> TrainedMmgrec::explain(const Query& query, const Ranking& ranking) const {
  SearchTrace trace;
  const Query queries[] = {query};
  beam_rank(*recommender_, trie_, stored_.vocabulary, dataset_, queries, inference_options(options_, ranking.k, seed_), &trace,
            /*want_paths=*/true);
  std::vector<Explanation> explanations;
  const auto items = ranking.of(0);
  for (size_t rank = 0; rank < items.size(); ++rank) {
    Explanation told;
    const auto codes = stored_.identifiers[items[rank]];
    float before = 0;
    for (int level = 0; level < stored_.identifiers.levels; ++level) {
      const float after = trace.path_scores[0][rank][level];
      const bool last = stored_.identifiers.popularity && level + 1 == stored_.identifiers.levels;
      const std::string label = last ? "popularity token " + std::to_string(codes[level] + 1)
                                     : "level " + std::to_string(level) + " code " + std::to_string(codes[level]);
      char probability[32];
      std::snprintf(probability, sizeof probability, "%.3f", std::exp(after - before));
      told.lines.emplace_back(label, std::string("probability ") + probability + "; " + neighbours(items[rank], level + 1));
      before = after;
    }
    explanations.push_back(std::move(told));
  }
  return explanations;
}

}  // namespace

void MmgrecSystem::train(const TrainingRequest& request) {
  const auto wanted = [&](const char* stage) { return request.stage.empty() || request.stage == stage; };
  if (wanted("graph")) run_graph_stage(options_, request);
  if (wanted("assign")) run_assign_stage(options_, request);
  if (wanted("recommend")) run_recommend_stage(options_, request);
}

std::unique_ptr<TrainedModel> MmgrecSystem::load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const {
  return std::make_unique<TrainedMmgrec>(options_, dataset, run, seed);
}

Plan MmgrecSystem::plan(const Dataset& dataset) const {
  const int64_t width = options_.graph.width, users = dataset.users(), items = dataset.item_count();
  int64_t features = 0;
  for (const auto& [name, modality] : dataset.features) features += modality.dim();
  const int64_t nodes = users + items, inner = options_.transformer.heads * width;
  const int64_t graph_parameters = features * width + items * width + users * 2 * width + 2 * (4 * width * width + 2 * width * width);
  // Activations of both convolutions, forward and backward, dominate: about 24 rows of D per node.
  const int64_t graph_bytes = 4 * (3 * graph_parameters + items * features + 24 * nodes * width);
  const int64_t layer = 18 * inner * width;  // encoder and decoder matrices of one layer pair
  const int64_t tokens = options_.quantizer.levels * options_.quantizer.codes + 3 + items / 10;
  const int64_t transformer_parameters = options_.transformer.layers * layer + 2 * tokens * width;
  const double mean_history = static_cast<double>(dataset.interactions(Split::train)) / std::max<int64_t>(users, 1);
  const double rows = options_.transformer.batch * (std::min<double>(mean_history, options_.transformer.history) +
                                                    options_.quantizer.levels + 2);
  const int64_t recommend_bytes =
      4 * (3 * transformer_parameters + nodes * width) +
      static_cast<int64_t>(4 * rows * options_.transformer.layers * (12.0 * inner + 20.0 * width)) +
      4 * options_.transformer.batch * (options_.quantizer.levels + 2) * tokens * 2;
  Plan plan;
  plan.stages.push_back({"graph",
                         tensor::join(options_.rounds, " round(s) of ", options_.graph.epochs, " epochs of BPR over ",
                                      dataset.interactions(Split::train) * options_.graph.negatives, " triples and ",
                                      options_.quantizer.epochs, " epochs of the quantiser over ", items, " items"),
                         graph_parameters, graph_bytes});
  plan.stages.push_back({"assign", "Rec-IDs: codes and the " + options_.last_token + " token", 0, items * 64});
  plan.stages.push_back({"recommend",
                         tensor::join("at most ", options_.transformer.epochs, " epochs over ",
                                      dataset.interactions(Split::train), " samples in batches of ", options_.transformer.batch),
                         transformer_parameters, recommend_bytes});
  return plan;
}

}  // namespace genrec::mmgrec
