// MACRec, MQL4GRec, TIGER and LETTER-TIGER as a System: stages ids (an identifier per item and language) and generator (T5).
#pragma once

#include "genrec/macrec/options.h"
#include "genrec/system.h"

namespace genrec::macrec {

class MacrecSystem : public System {
 public:
  explicit MacrecSystem(const std::string& model) : options_(defaults_of(model)) {}
  void describe(OptionTable& table) override { macrec::describe(table, options_); }
  std::vector<std::string> stages() const override { return {"ids", "generator"}; }
  Plan plan(const Dataset& dataset) const override;
  void train(const TrainingRequest& request) override;
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const override;

 private:
  Options options_;
};

}  // namespace genrec::macrec
