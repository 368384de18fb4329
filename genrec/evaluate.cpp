#include "genrec/evaluate.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace genrec {

QuerySet::QuerySet(const Dataset& dataset, std::span<const int32_t> users, Split target, bool exclude_seen) {
  storage_.reserve(2 * users.size());  // the queries point into it
  for (int32_t user : users) {
    const auto keep_sorted = [&](std::span<const int32_t> items) {
      storage_.emplace_back(items.begin(), items.end());
      std::sort(storage_.back().begin(), storage_.back().end());
      return std::span<const int32_t>(storage_.back());
    };
    Query query{.user = user, .history = keep_sorted(dataset.train_items(user))};
    query.sequence = dataset.history(user, target);
    if (exclude_seen) query.excluded = keep_sorted(query.sequence);
    queries_.push_back(query);
  }
}

namespace {

// Which held-out items count.
class Counted {
 public:
  Counted(const Dataset& dataset, Targets targets) : targets_(targets) {
    if (targets != Targets::all) trained_ = dataset.train_counts();
  }
  bool operator()(int32_t item) const { return targets_ == Targets::all || (targets_ == Targets::cold) == (trained_[item] == 0); }

 private:
  Targets targets_;
  std::vector<int32_t> trained_;  // empty where it does not matter
};

}  // namespace

ItemsOf held_out_items(const Dataset& dataset, Split split, Targets targets) {
  const Counted counted(dataset, targets);
  auto sorted = std::make_shared<std::vector<std::vector<int32_t>>>(dataset.users());
  for (int64_t user = 0; user < dataset.users(); ++user) {
    std::ranges::copy_if(dataset.items_of(user, split), std::back_inserter((*sorted)[user]), std::cref(counted));
    std::sort((*sorted)[user].begin(), (*sorted)[user].end());
  }
  return [sorted](int32_t user) { return std::span<const int32_t>((*sorted)[user]); };
}

std::vector<int32_t> users_with(const Dataset& dataset, Split split, Targets targets) {
  const Counted counted(dataset, targets);
  std::vector<int32_t> users;
  for (int64_t user = 0; user < dataset.users(); ++user) {
    if (std::ranges::any_of(dataset.items_of(user, split), std::cref(counted))) users.push_back(static_cast<int32_t>(user));
  }
  return users;
}

std::vector<int> usual_cutoffs(const Dataset& dataset) {
  return dataset.split_protocol == "leave-one-out" ? std::vector<int>{1, 5, 10} : std::vector<int>{10, 20};
}

static const char* name_of(Targets targets) {
  return targets == Targets::cold ? "cold" : targets == Targets::warm ? "warm" : "all";
}

Conditions conditions_of(const Dataset& dataset, Split split, std::span<const int> cutoffs, bool exclude_seen, Targets targets) {
  std::string k;
  for (const int cutoff : cutoffs) k += (k.empty() ? "" : ",") + std::to_string(cutoff);
  return {{"data", fingerprint(dataset)},
          {"split", name_of(split)},
          {"seen", exclude_seen ? "drop" : "keep"},
          {"targets", name_of(targets)},
          {"k", k}};
}

Record summary(const MetricTable& table) {
  Record record;
  for (const std::string& name : table.names) record.add(name, table.mean(name));
  return record;
}

Evaluation evaluate(const TrainedModel& model, const Dataset& dataset, Split target, std::span<const int> cutoffs,
                    bool exclude_seen, Targets targets) {
  tensor::require(!cutoffs.empty() && *std::min_element(cutoffs.begin(), cutoffs.end()) >= 1,
                  "evaluate: every K must be 1 or more, and there must be one; for example --k 10,20");
  const std::vector<int32_t> users = users_with(dataset, target, targets);
  tensor::require(tensor::Fault::bad_data, !users.empty(), "evaluate: no user has ",
                  targets == Targets::all ? "" : tensor::join(name_of(targets), " "), name_of(target), " items; ",
                  targets == Targets::all ? "import the data with a split that holds some out" : "use --targets all");
  const QuerySet queries(dataset, users, target, exclude_seen);
  Evaluation result;
  result.ranking = model.rank(queries.queries(), *std::max_element(cutoffs.begin(), cutoffs.end()));
  result.metrics = measure(result.ranking, users, held_out_items(dataset, target, targets), cutoffs);
  result.metrics.conditions = conditions_of(dataset, target, cutoffs, exclude_seen, targets);
  result.statistics = model.statistics();
  for (size_t row = 0; row < users.size() && !result.seen_listed; ++row) {
    const auto seen = dataset.history(users[row], target);
    const auto listed = result.ranking.of(static_cast<int64_t>(row));
    result.seen_listed = std::find_first_of(listed.begin(), listed.end(), seen.begin(), seen.end()) != listed.end();
  }
  return result;
}

}  // namespace genrec
