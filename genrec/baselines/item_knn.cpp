#include <algorithm>
#include <cmath>

#include "genrec/baselines/counting_systems.h"
#include "tensor/parallel.h"

namespace genrec::baselines {

namespace {

struct Neighbour {
  int32_t item;
  float similarity;
};

class TrainedItemKnn : public TrainedModel {
 public:
  TrainedItemKnn(const Dataset& dataset, const ItemKnnOptions& options)
      : known_(options.history == KnnHistory::known || (options.history == KnnHistory::automatic && dataset.ordered)),
        items_(dataset.item_count()), neighbours_(dataset.item_count()) {
    std::vector<std::vector<int32_t>> users_of(items_);
    for (int64_t user = 0; user < dataset.users(); ++user) {
      for (int32_t item : dataset.train_items(user)) users_of[item].push_back(static_cast<int32_t>(user));
    }
    tensor::parallel_for(items_, 64, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> shared(items_, 0), touched;
      for (int64_t item = begin; item < end; ++item) {
        for (int32_t user : users_of[item]) {
          for (int32_t other : dataset.train_items(user)) {
            if (other != item && shared[other]++ == 0) touched.push_back(other);
          }
        }
        std::vector<Neighbour>& list = neighbours_[item];
        for (int32_t other : touched) {
          const double norm = std::sqrt(static_cast<double>(users_of[item].size()) * static_cast<double>(users_of[other].size()));
          list.push_back({other, static_cast<float>(shared[other] / (norm + options.shrinkage))});
          shared[other] = 0;
        }
        touched.clear();
        keep_best(list, options.neighbours);
      }
    });
  }

  Ranking rank(std::span<const Query> queries, int k) const override {
    std::vector<int32_t> positions(queries.size());
    for (size_t q = 0; q < queries.size(); ++q) positions[q] = static_cast<int32_t>(q);
    const auto score = [&](std::span<const int32_t> block, float* scores) {
      std::fill(scores, scores + static_cast<int64_t>(block.size()) * items_, 0.0f);
      for (size_t b = 0; b < block.size(); ++b) {
        const Query& query = queries[block[b]];
        for (int32_t item : known_ ? query.sequence : query.history) {
          for (const Neighbour& n : neighbours_[item]) scores[static_cast<int64_t>(b) * items_ + n.item] += n.similarity;
        }
      }
    };
    return rank_all(positions, items_, k, [&](int32_t position) { return queries[position].excluded; }, score);
  }

 private:
  static void keep_best(std::vector<Neighbour>& list, int count) {
    const auto better = [](const Neighbour& a, const Neighbour& b) {
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.item < b.item;
    };
    const size_t kept = std::min<size_t>(list.size(), count);
    std::partial_sort(list.begin(), list.begin() + kept, list.end(), better);
    list.resize(kept);
    list.shrink_to_fit();
  }

  bool known_;
  int64_t items_;
  std::vector<std::vector<Neighbour>> neighbours_;
};

}  // namespace

void ItemKnnSystem::describe(OptionTable& table) {
  table.group("Model");
  table.add("neighbours", options_.neighbours, "most similar items kept per item").range(1, 1e6);
  table.add("history", options_.history, "items that recommend: training ones, all known ones (at test also validation), or auto: "
                                         "known where the data are in order",
            {{"auto", KnnHistory::automatic}, {"training", KnnHistory::training}, {"known", KnnHistory::known}});
  table.add("shrinkage", options_.shrinkage, "added to the norm of the cosine: distrust of few interactions").range(0, 1e6);
}

Plan ItemKnnSystem::plan(const Dataset& dataset) const {
  Plan plan;
  plan.stages.push_back({"train", "counts shared users of pairs of items", 0, dataset.item_count() * options_.neighbours * 8});
  return plan;
}

std::unique_ptr<TrainedModel> ItemKnnSystem::load(const Dataset& dataset, const RunFolder&, uint64_t) const {
  return std::make_unique<TrainedItemKnn>(dataset, options_);
}

}  // namespace genrec::baselines
