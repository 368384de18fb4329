#include "genrec/baselines/counting_systems.h"

namespace genrec::baselines {

namespace {

class TrainedPopularity : public TrainedModel {
 public:
  explicit TrainedPopularity(const Dataset& dataset) {
    const std::vector<int32_t> counts = dataset.train_counts();
    scores_.assign(counts.begin(), counts.end());
  }

  Ranking rank(std::span<const Query> queries, int k) const override {
    Ranking ranking(static_cast<int64_t>(queries.size()), k);
    for (size_t q = 0; q < queries.size(); ++q) {
      const std::vector<RankedItem> list = top_k(scores_, queries[q].excluded, k);
      for (size_t r = 0; r < list.size(); ++r) {
        ranking.items[q * k + r] = list[r].item, ranking.scores[q * k + r] = list[r].score;
      }
    }
    return ranking;
  }

 private:
  std::vector<float> scores_;
};

}  // namespace

Plan PopularitySystem::plan(const Dataset& dataset) const {
  Plan plan;
  plan.stages.push_back({"train", "counts the interactions of every item", 0, 4 * dataset.item_count()});
  return plan;
}

std::unique_ptr<TrainedModel> PopularitySystem::load(const Dataset& dataset, const RunFolder&, uint64_t) const {
  return std::make_unique<TrainedPopularity>(dataset);
}

}  // namespace genrec::baselines
