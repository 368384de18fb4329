// MMGRec as a System: stages graph (graph vectors and quantiser, taking turns), assign (Rec-IDs), recommend (Transformer).
#pragma once

#include "genrec/mmgrec/options.h"
#include "genrec/system.h"

namespace genrec::mmgrec {

class MmgrecSystem : public System {
 public:
  void describe(OptionTable& table) override { mmgrec::describe(table, options_); }
  std::vector<std::string> stages() const override { return {"graph", "assign", "recommend"}; }
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest& request) override;
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;

 private:
  Options options_;
};

}  // namespace genrec::mmgrec
