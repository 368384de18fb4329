// Whole trainings on the emulated device: nearly all of their steps are launches of a graph that is there already.
#include "genrec/data/synth.h"
#include "genrec/log.h"
#include "genrec/run.h"
#include "genrec/system.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/graph.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using namespace genrec;

namespace {

// So few interactions that an epoch of the emulated device takes a blink.
const Dataset& small() {
  static const Dataset dataset = [] {
    SynthOptions options = synth_preset("tiny");
    options.users = 30, options.items = 40, options.min_interactions = 5, options.max_interactions = 9, options.ordered = true;
    return make_synthetic(options).dataset;
  }();
  return dataset;
}

struct Counts {
  tensor::cuda::GraphCounts of = tensor::cuda::graph_counts();
  double recorded = static_cast<double>(of.updates + of.instantiations), launched = static_cast<double>(of.launches);
};

using Settings = std::vector<std::pair<std::string, std::string>>;

void train(const std::string& model, const Settings& settings) {
  const tests::TemporaryFolder folder;
  const auto system = make_system(model);
  OptionTable table;
  system->describe(table);
  std::vector<Assignment> assignments;
  for (const auto& [name, text] : settings) assignments.push_back({name, text, "--" + name, "test"});
  table.apply(assignments);
  RunOptions options;
  options.model = model, options.data = "small", options.out = folder / "run";
  train_run(*system, table, options, small());
}

}  // namespace

TEST_CASE("the steps of a training on a GPU launch graphs that are there already", "[cuda][graph][slow]") {
  if (!tests::have_device()) return;
  using Case = std::pair<std::string, Settings>;
  const Settings narrow = {{"width", "8"}, {"layers", "1"}, {"epochs", "30"}, {"batch", "64"}};
  const auto [model, settings] = GENERATE_COPY(values<Case>(
      {{"mf", narrow},
       {"lightgcn", narrow},
       {"sasrec", narrow},
       {"bert4rec", narrow},
       {"mmgrec", {{"preset", "tiny"}, {"graph-epochs", "6"}, {"rq-epochs", "20"}, {"epochs", "6"}}},
       {"macrec", {{"preset", "tiny"}, {"rq-epochs", "16"}, {"epochs", "4"}, {"history", "5"}, {"pseudo-restarts", "1"},
                   {"width", "16"}, {"heads", "2"}, {"head-width", "8"}, {"feed-forward", "24"}, {"layers", "1"}, {"beam", "5"}}}}));
  CAPTURE(model);
  const tests::On device(tensor::Device::cuda);
  const Counts before;
  train(model, settings);
  const Counts after;
  const double launched = after.launched - before.launched, recorded = after.recorded - before.recorded;
  CHECK(launched >= 20);
  CHECK(recorded <= 0.5 * launched);
}
