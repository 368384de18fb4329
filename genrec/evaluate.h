// Evaluation of a trained model on the held-out items of a data set: full ranking, every user who has any.
#pragma once

#include "genrec/metrics.h"
#include "genrec/system.h"

namespace genrec {

// Queries for users of a data set, which must outlive them. `history` holds training items only; what is known of the user before
// `target` (training, and validation when the target is test) is the sequence, and must not be listed.
class QuerySet {
 public:
  QuerySet(const Dataset& dataset, std::span<const int32_t> users, Split target, bool exclude_seen = true);
  std::span<const Query> queries() const { return queries_; }

 private:
  std::vector<std::vector<int32_t>> storage_;
  std::vector<Query> queries_;
};

// Which held-out items count: cold ones have no training interaction, warm ones have some.
enum class Targets : uint8_t { all, cold, warm };

// The items of `split`, ascending; usable from several threads. Keeps its own copy.
ItemsOf held_out_items(const Dataset& dataset, Split split, Targets targets = Targets::all);
std::vector<int32_t> users_with(const Dataset& dataset, Split split, Targets targets = Targets::all);  // who have any, ascending

Conditions conditions_of(const Dataset& dataset, Split split, std::span<const int> cutoffs, bool exclude_seen = true,
                         Targets targets = Targets::all);

Record summary(const MetricTable& table);  // the mean of every metric

struct Evaluation {
  MetricTable metrics;
  Ranking ranking;
  Record statistics;         // of the model
  bool seen_listed = false;  // some list holds an item that its user was known to have
};
Evaluation evaluate(const TrainedModel& model, const Dataset& dataset, Split target, std::span<const int> cutoffs,
                    bool exclude_seen = true, Targets targets = Targets::all);

std::vector<int> usual_cutoffs(const Dataset& dataset);  // 10,20, or 1,5,10 where each user holds out one item

}  // namespace genrec
