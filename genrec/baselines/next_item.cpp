#include <algorithm>
#include <cmath>

#include "genrec/baselines/counting_systems.h"

namespace genrec::baselines {

namespace {

class TrainedNextItem : public TrainedModel {
 public:
  TrainedNextItem(const Dataset& dataset, const NextItemOptions& options)
      : options_(options), items_(dataset.item_count()), offsets_(dataset.item_count() + 1) {
    std::vector<std::pair<int32_t, int32_t>> pairs;  // item, the one after it
    for (int64_t user = 0; user < dataset.users(); ++user) {
      const auto sequence = dataset.train_items(user);
      for (size_t i = 1; i < sequence.size(); ++i) pairs.emplace_back(sequence[i - 1], sequence[i]);
    }
    std::sort(pairs.begin(), pairs.end());
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0 && pairs[i] == pairs[i - 1]) {
        ++followers_.back().count;
        continue;
      }
      followers_.push_back({pairs[i].second, 1});
      ++offsets_[pairs[i].first + 1];
    }
    for (int64_t item = 0; item < items_; ++item) offsets_[item + 1] += offsets_[item];
    // Below every count: half of the smallest weight for the most popular item.
    const std::vector<int32_t> counts = dataset.train_counts();
    const double most = *std::max_element(counts.begin(), counts.end());
    const double scale = std::pow(options.decay, options.window - 1) / 2 / std::max(most, 1.0);
    for (int32_t count : counts) popularity_.push_back(static_cast<float>(scale * count));
  }

  Ranking rank(std::span<const Query> queries, int k) const override {
    Ranking ranking(static_cast<int64_t>(queries.size()), k);
    std::vector<float> scores;
    for (size_t q = 0; q < queries.size(); ++q) {
      scores = popularity_;
      const auto& known = queries[q].sequence;
      double weight = 1;
      for (size_t back = 1; back <= std::min<size_t>(known.size(), options_.window); ++back, weight *= options_.decay) {
        const int32_t item = known[known.size() - back];
        for (int64_t f = offsets_[item]; f < offsets_[item + 1]; ++f)
          scores[followers_[f].item] += static_cast<float>(weight * followers_[f].count);
      }
      const std::vector<RankedItem> list = top_k(scores, queries[q].excluded, k);
      for (size_t r = 0; r < list.size(); ++r) ranking.items[q * k + r] = list[r].item, ranking.scores[q * k + r] = list[r].score;
    }
    return ranking;
  }

 private:
  struct Follower {
    int32_t item, count;
  };
  NextItemOptions options_;
  int64_t items_;
  std::vector<int64_t> offsets_;     // [items + 1]
  std::vector<Follower> followers_;  // by item
  std::vector<float> popularity_;    // [items]
};

void require_order(const Dataset& dataset) {
  tensor::require(tensor::Fault::bad_data, dataset.ordered,
                  "the data set has no order, which nextitem needs; import it with a time, or choose another --model");
}

}  // namespace

void NextItemSystem::describe(OptionTable& table) {
  table.group("Model");
  table.add("window", options_.window, "latest items whose followers are counted").range(1, 1000);
  table.add("decay", options_.decay, "weight of each of them, relative to the one after it").range(0.001, 1);
}

Plan NextItemSystem::plan(const Dataset& dataset) const {
  require_order(dataset);
  Plan plan;
  plan.stages.push_back({"train", "counts pairs of neighbouring items", 0, 16 * dataset.interactions(Split::train)});
  return plan;
}

std::unique_ptr<TrainedModel> NextItemSystem::load(const Dataset& dataset, const RunFolder&, uint64_t) const {
  require_order(dataset);
  return std::make_unique<TrainedNextItem>(dataset, options_);
}

}  // namespace genrec::baselines
