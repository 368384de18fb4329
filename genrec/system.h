// A recommender system of this program: its options, its training, and the trained model that ranks items. MMGRec and all
// baselines stand behind these two interfaces, on one split and one evaluator.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "genrec/data/dataset.h"
#include "genrec/options.h"
#include "genrec/ranking.h"
#include "genrec/record.h"
#include "genrec/run_folder.h"

namespace genrec {

// Someone who wants a list. A user of the data set, or (user -1) anyone with a history.
struct Query {
  int32_t user = -1;
  std::span<const int32_t> history{};   // training items, ascending; what a model without order may read
  std::span<const int32_t> excluded{};  // items, ascending; must not be listed, unless the model was told to keep seen items
  std::span<const int32_t> unwanted{};  // of these, ascending: never listed, whatever the model does with seen items
  std::span<const int32_t> sequence{};  // everything known before what is to be found, oldest first where the data are ordered
};

// One listed item, told.
struct Explanation {
  std::vector<std::pair<std::string, std::string>> lines;  // label, text
};

class TrainedModel {
 public:
  virtual ~TrainedModel() = default;
  // Row r of the result belongs to queries[r].
  virtual Ranking rank(std::span<const Query> queries, int k) const = 0;
  // Why `rank`'s items for this query are what they are, item by item; empty where a model has nothing to tell.
  virtual std::vector<Explanation> explain(const Query&, const Ranking&) const { return {}; }
  // Facts about the last rank() worth reporting (share of seen items in the raw beams); may be empty.
  virtual Record statistics() const { return {}; }
};

struct TrainingRequest {
  const Dataset& dataset;
  RunFolder& run;
  uint64_t seed = 1;
  std::string stage;      // "" runs all stages in order, skipping what is done
};

// What a training would cost.
struct Plan {
  struct Stage {
    std::string name, text;
    int64_t parameters = 0;
    int64_t bytes = 0;      // an estimate of the peak
  };
  std::vector<Stage> stages;
};

class System {
 public:
  virtual ~System() = default;
  virtual void describe(OptionTable& table) = 0;
  virtual std::vector<std::string> stages() const { return {"train"}; }
  virtual Plan plan(const Dataset& dataset) const = 0;
  virtual void train(const TrainingRequest& request) = 0;
  virtual std::unique_ptr<TrainedModel> load(const Dataset& dataset, const RunFolder& run, uint64_t seed) const = 0;
};

struct SystemEntry {
  const char* name;
  const char* summary;
  std::unique_ptr<System> (*make)();
};
const std::vector<SystemEntry>& systems();                     // mmgrec and the macrec family first, then the baselines
std::vector<std::string> system_names();
std::unique_ptr<System> make_system(const std::string& name);  // an error with the nearest name for an unknown one

}  // namespace genrec
