// Baselines that only count: nothing to train, everything is read off the training interactions when the model is loaded.
#pragma once

#include "genrec/system.h"

namespace genrec::baselines {

// score(i) = training interactions of i.
class PopularitySystem : public System {
 public:
  void describe(OptionTable&) override {}
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest&) override {}
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;
};

enum class KnnHistory {
  automatic,  // known where the data are in order, else training
  training,   // training interactions only
  known,      // everything before what is to be found: at test the validation items too
};

struct ItemKnnOptions {
  int neighbours = 100;   // of each item of the history
  KnnHistory history = KnnHistory::automatic;
  double shrinkage = 10;  // sim(i, j) = |U_i and U_j| / (sqrt(|U_i| |U_j|) + shrinkage)
};

// score(i) = sum over j in the history of sim(i, j), sim the cosine of the two items' sets of training users.
class ItemKnnSystem : public System {
 public:
  void describe(OptionTable& table) override;
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest&) override {}
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;

 private:
  ItemKnnOptions options_;
};

struct NextItemOptions {
  int window = 3;
  double decay = 0.5;
};

// score(i) = sum over the latest items j, the last first, of 1, decay, decay^2, .. times how often i came right after j in
// training; then by popularity.
class NextItemSystem : public System {
 public:
  void describe(OptionTable& table) override;
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest&) override {}
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;

 private:
  NextItemOptions options_;
};

}  // namespace genrec::baselines
