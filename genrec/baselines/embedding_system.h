// Trains, stores and ranks with an EmbeddingModel: BPR over sampled triples, Adam, early stopping on validation Recall.
#pragma once

#include "genrec/baselines/embedding_model.h"
#include "genrec/system.h"

namespace genrec::baselines {

using MakeModel = std::unique_ptr<EmbeddingModel> (*)(nn::Parameters& parameters, const EmbeddingOptions& options,
                                                      const Dataset& dataset);

class EmbeddingSystem : public System {
 public:
  EmbeddingSystem(MakeModel make, const EmbeddingOptions& defaults) : make_(make), options_(defaults) {}

  void describe(OptionTable& table) override;
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest& request) override;  // writes train.safetensors and embeddings.safetensors
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;

 private:
  MakeModel make_;
  EmbeddingOptions options_;
};

}  // namespace genrec::baselines
