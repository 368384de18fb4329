// What a training does with the folder it is given.
#include "genrec/run.h"

#include "genrec/data/synth.h"
#include "genrec/run_folder.h"
#include "tensor/file.h"
#include "tests/catch.h"

using namespace genrec;
using tests::error_of;

namespace {

const Dataset& tiny() {
  static const Dataset data = make_synthetic(synth_preset("tiny")).dataset;
  return data;
}

void train(const std::string& out, const std::string& stage = "", const char* neighbours = "10") {
  const auto system = make_system("itemknn");
  OptionTable table;
  system->describe(table);
  table.apply({{"neighbours", neighbours, "--neighbours", "test"}});
  RunOptions options;
  options.model = "itemknn", options.data = "tiny", options.out = out, options.stage = stage;
  train_run(*system, table, options, tiny());
}

}  // namespace

TEST_CASE("one training at a time works in a folder", "[run]") {
  const tests::TemporaryFolder folder;
  const std::string out = folder / "run";
  {
    const FolderLock lock(out);
    CHECK(error_of([&] { train(out); }) == out + ": another genrec is training in it; wait for its end, or give another --out");
  }
  train(out);
  CHECK(error_of([&] { train(out); }) == out + ": holds a run already; use --resume to go on with it, or another --out");
}

TEST_CASE("a training that never began does not block its folder", "[run]") {
  const tests::TemporaryFolder folder;
  const std::string out = folder / "run";
  RunFolder::create(out);
  tensor::write_file_atomically(out + "/config.toml", "model = 'x'\n");
  tensor::write_file_atomically(out + "/manifest.json.tmp-1", "{");
  train(out);
  CHECK(RunFolder::open(out).manifest("finished train") == "true");
}

TEST_CASE("a stage of a run that was begun keeps to its options", "[run]") {
  const tests::TemporaryFolder folder;
  const std::string out = folder / "run";
  train(out);
  train(out, make_system("itemknn")->stages().front());
  CHECK(error_of([&] { train(out, make_system("itemknn")->stages().front(), "11"); }) ==
        "--stage: " + out + " was begun with 'neighbours = 10', not with 'neighbours = 11'; give the same options, or another --out");
}
