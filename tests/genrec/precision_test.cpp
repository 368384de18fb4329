// Runs with --precision bf16: what they learn, what they write down, and which of them may go on.
#include <algorithm>

#include "genrec/data/synth.h"
#include "genrec/evaluate.h"
#include "genrec/run.h"
#include "genrec/statistics.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace genrec;
using tensor::Precision;

namespace {

const Dataset& planted() {
  static const Dataset data = [] {
    SynthOptions options;
    options.users = 150, options.items = 80, options.ordered = true, options.follow = 0.9, options.stray = 0.02;
    return make_synthetic(options).dataset;
  }();
  return data;
}

RunOptions trained(const std::string& out, Precision precision, uint64_t seed, const char* epochs = "15") {
  const auto system = make_system("sasrec");
  OptionTable table;
  system->describe(table);
  for (const auto& [name, value] : {std::pair{"width", "32"}, {"layers", "1"}, {"epochs", epochs}, {"patience", "0"},
                                    {"learning-rate", "0.01"}, {"batch", "64"}, {"dropout", "0"}}) {
    table.set(name, value);
  }
  RunOptions options;
  options.model = "sasrec", options.data = "planted", options.out = out, options.seed = seed, options.precision = precision;
  train_run(*system, table, options, planted());
  return options;
}

double measured(const std::string& run, std::optional<Precision> precision = {}) {
  const tensor::PrecisionScope scope(tensor::precision());  // load() leaves the run's
  const int cutoffs[] = {10};
  return evaluate(*Run(run).load(planted(), precision), planted(), Split::test, cutoffs, false).metrics.mean("NDCG@10");
}

}  // namespace

TEST_CASE("training in bf16 finds the planted structure as fp32 does", "[bf16][run]") {
  const tests::TemporaryFolder folder;
  std::vector<double> exact, rounded;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      const std::string run = folder / (tensor::name_of(precision) + std::to_string(seed));
      trained(run, precision, seed);
      (precision == Precision::bf16 ? rounded : exact).push_back(measured(run));
    }
  }
  const auto [least, most] = std::minmax_element(exact.begin(), exact.end());
  INFO("fp32 " << exact[0] << " " << exact[1] << " " << exact[2] << ", bf16 " << rounded[0] << " " << rounded[1] << " "
               << rounded[2]);
  CHECK(*least > 0.15);
  CHECK(std::abs(mean(exact) - mean(rounded)) <= std::max(0.01, *most - *least));
  CHECK(tensor::precision() == Precision::fp32);  // training set it back
}

TEST_CASE("a run says its precision, keeps to it, and can be asked in the other", "[bf16][run]") {
  const tests::TemporaryFolder folder;
  RunOptions options = trained(folder / "run", Precision::bf16, 1, "2");
  CHECK_THAT(tensor::read_file(folder / "run/config.toml"), tests::Contains("precision = \"bf16\"\n"));
  const Run run(folder / "run");
  CHECK(run.precision() == Precision::bf16);
  CHECK_THAT(run.folder().manifest("training"), tests::Contains("bf16"));
  CHECK(measured(folder / "run") == measured(folder / "run", Precision::bf16));
  CHECK(measured(folder / "run", Precision::fp32) > 0);
  {
    const tensor::PrecisionScope scope(Precision::fp32);
    run.load(planted());
    CHECK(tensor::precision() == Precision::bf16);
  }

  const auto system = make_system("sasrec");
  OptionTable table;
  system->describe(table);
  options.resume = true, options.precision = Precision::fp32;
  CHECK_THAT(tests::error_of([&] { train_run(*system, table, options, planted()); }),
             tests::Contains("was begun in bf16; give --precision bf16, or another --out"));

  std::string config = tensor::read_file(folder / "run/config.toml");
  config.replace(config.find("precision = \"bf16\""), 18, "precision = \"half\"");
  tensor::write_file_atomically(folder / "run/config.toml", config);
  CHECK_THAT(tests::error_of([&] { Run(folder / "run"); }),
             tests::Contains("config.toml: precision is 'half'; it must be fp32 or bf16"));
  config.replace(config.find("precision = \"half\""), 18, "");  // as of programs that did not know of it
  tensor::write_file_atomically(folder / "run/config.toml", config);
  CHECK(Run(folder / "run").precision() == Precision::fp32);
}
