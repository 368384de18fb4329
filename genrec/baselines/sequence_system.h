// Trains, stores and ranks with a SequenceModel: next items or hidden ones, Adam, early stopping on validation NDCG@10.
#pragma once

#include "genrec/baselines/sequence_model.h"
#include "genrec/system.h"

namespace genrec::baselines {

class SequenceSystem : public System {
 public:
  SequenceSystem(MakeSequenceModel make, const SequenceOptions& defaults) : make_(make), options_(defaults) {}
  void describe(OptionTable& table) override;
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest& request) override;
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;

 private:
  MakeSequenceModel make_;
  SequenceOptions options_;
};

}  // namespace genrec::baselines
