// Items added to a trained run: it loads with the larger data set, and lists the new items beside the old ones.
#include "genrec/macrec/grown_run.h"

#include <set>

#include "genrec/data/synth.h"
#include "genrec/evaluate.h"
#include "genrec/macrec/identifier_files.h"
#include "genrec/macrec/identifier_stage.h"
#include "genrec/macrec/options.h"
#include "genrec/macrec/quantizer_training.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace genrec;
using tensor::Tensor;

namespace {

constexpr const char* kShort =
    "rq-chain=32 rq-adapter=0 rq-latent=8 levels=3 codes=16 rq-epochs=4 rq-batch=64 pseudo-restarts=1 layers=1 width=16 heads=2 "
    "head-width=8 feed-forward=32 epochs=2 batch=128";

// A run of macrec with identifiers of its own, and its data set saved beside it.
void train(const tests::TemporaryFolder& folder, const Dataset& data) {
  save_dataset(data, folder / "data");
  macrec::Options options = macrec::defaults_of("macrec");
  const auto system = make_system("macrec");
  OptionTable table, mirror;
  system->describe(table);
  macrec::describe(mirror, options);
  std::istringstream settings(kShort);
  for (std::string setting; settings >> setting;) {
    const size_t equals = setting.find('=');
    for (OptionTable* each : {&table, &mirror}) each->set(setting.substr(0, equals), setting.substr(equals + 1));
  }
  RunOptions where;
  where.model = "macrec", where.data = folder / "data", where.out = folder / "run";
  RunFolder run = begin_run(table, where, data);
  macrec::run_identifier_stage(options.identifiers, {data, run, 1, "ids"});
  system->train({data, run, 1, "generator"});
}

// Copies of the first items under new names: as near to what is listed as can be.
macrec::NewItems copies(const Dataset& data, int64_t count) {
  macrec::NewItems items;
  for (int64_t i = 0; i < count; ++i) items.ids.push_back("copy-of-" + data.item_ids[i]);
  for (const auto& [name, modality] : data.features) items.features[name] = modality.values.row_range(0, count).clone();
  return items;
}

}  // namespace

TEST_CASE("a run with added items lists them, and its old identifiers are as they were", "[ids][run]") {
  SynthOptions synth = synth_preset("tiny");
  synth.users = 40, synth.items = 80, synth.min_interactions = 5, synth.max_interactions = 9, synth.ordered = true;
  const Dataset data = make_synthetic(synth).dataset;
  const tests::TemporaryFolder folder;
  train(folder, data);
  const Run run(folder / "run");
  const macrec::NewItems items = copies(data, 30);
  const auto grown = macrec::grow_run(run, data, items, folder / "grown");
  REQUIRE(grown.size() == 2);
  for (const macrec::Grown& each : grown) {
    CHECK(each.conflicts.rate_before() == 1);  // all are copies
    CHECK(each.conflicts.rate_after() == 0);
  }
  const Run after(folder / "grown");
  const Dataset all = load_dataset(after.data());
  CHECK(all.item_count() == 110);
  const auto of = [](const Run& r, const Dataset& d) {
    return read_identifiers(r.folder() / macrec::identifier_file("visual"), d.item_ids);
  };
  const ItemIdentifiers small = of(run, data), large = of(after, all);
  CHECK(unique(large));
  CHECK(std::equal(small.codes.begin(), small.codes.end(), large.codes.begin()));

  const std::vector<int32_t> users = users_with(all, genrec::Split::test);
  const QuerySet queries(all, users, genrec::Split::test);
  const Ranking ranking = after.load(all)->rank(queries.queries(), 20);
  std::set<int32_t> listed;
  for (size_t row = 0; row < users.size(); ++row)
    for (int32_t item : ranking.of(row)) listed.insert(item);
  CHECK(*listed.rbegin() >= 80);
  CHECK(*listed.begin() < 80);
  CHECK_THAT(tests::error_of([&] { run.load(all); }), tests::Contains("item 'copy-of-i0' has no line"));
  CHECK_THAT(tests::error_of([&] { macrec::grow_run(run, data, items, folder / "grown"); }), tests::Contains("holds a run already"));

  std::vector<std::string> arguments = {"ids", "add", folder / "run", "--out", folder / "by-program", "--feature-ids", folder / "ids"};
  std::string ids, features;
  for (const std::string& id : items.ids) ids += id + "\n";
  tensor::write_file_atomically(folder / "ids", ids);
  for (const auto& [name, values] : items.features) {
    tensor::write_npy(folder / name, values);
    features += (features.empty() ? "" : ",") + name + "=" + folder / name;
  }
  arguments.insert(arguments.end(), {"--features", features});
  const tests::Outcome program = tests::run_program(arguments);
  INFO(program.err);
  CHECK(program.exit_code == 0);
  CHECK_THAT(program.out, tests::Contains("30 new items, 0 interactions to test them with\n"));
  CHECK_THAT(program.out, tests::Contains("\ntextual: 100.00 % had codes in use, 30 items got others, 0.00 % still have"));
  CHECK(tests::run_program(arguments).exit_code == 2);  // the folder is there now
  for (const char* file : {"identifiers-textual.tsv", "generator.safetensors"}) {
    CHECK(tensor::read_file(folder / "by-program/" + file) == tensor::read_file(folder / "grown/" + file));
  }

  tests::write_text(folder / "clicks.tsv", "user\titem\nu0\tcopy-of-i3\nu1\tcopy-of-i4\nu0\tcopy-of-i0\n");
  arguments[4] = folder / "tested";
  arguments.insert(arguments.end(), {"--interactions", folder / "clicks.tsv"});
  const tests::Outcome tested = tests::run_program(arguments);
  INFO(tested.err);
  CHECK_THAT(tested.out, tests::Contains("30 new items, 3 interactions to test them with"));
  const Dataset with_test = load_dataset(folder / "tested/data");
  CHECK(with_test.interactions(genrec::Split::test) == data.interactions(genrec::Split::test) + 3);
  CHECK(with_test.interactions(genrec::Split::train) == data.interactions(genrec::Split::train));
  const auto last_of = [&](int64_t user) { return with_test.item_ids[with_test.items_of(user, genrec::Split::test).back()]; };
  CHECK(last_of(with_test.find_user("u0")) == "copy-of-i3");
  CHECK(last_of(with_test.find_user("u1")) == "copy-of-i4");
  const tests::Outcome cold = tests::run_program({"evaluate", folder / "tested", "--targets", "cold", "--k", "10"});
  const size_t users_with_cold = users_with(with_test, genrec::Split::test, Targets::cold).size();
  CHECK(users_with_cold > users_with(data, genrec::Split::test, Targets::cold).size());
  CHECK_THAT(cold.out, tests::Contains(std::to_string(users_with_cold) + " users with test items that are cold, seen items"));
  CHECK_FALSE(file_exists(folder / "tested/evaluation-test.safetensors"));
  CHECK_THAT(tests::run_program({"evaluate", folder / "tested", "--k", "10"}).out, tests::Contains("40 users with test items, seen"));
  for (const auto& [line, error] : std::vector<std::pair<std::string, std::string>>{
           {"nobody\tcopy-of-i0", "clicks.tsv:2:1: user 'nobody' is not in the data set"},
           {"u0\ti0", "clicks.tsv:2:4: item 'i0' is not among the new items"},
           {"u0\tcopy-of-i0\nu0\tcopy-of-i0", "clicks.tsv:3: stands twice"}}) {
    tests::write_text(folder / "clicks.tsv", "user\titem\n" + line + "\n");
    CHECK_THAT(tests::error_of([&] { macrec::read_new_interactions(folder / "clicks.tsv", items, data); }), tests::Contains(error));
  }

  std::remove((folder / "run/quantizer-visual.safetensors").c_str());
  CHECK_THAT(tests::error_of([&] { macrec::grow_run(run, data, items, folder / "other"); }),
             tests::Contains("quantizer-visual.safetensors: is not there; identifiers that were made elsewhere cannot be added to"));
  std::remove((folder / "run/generator.safetensors").c_str());
  CHECK_THAT(tests::error_of([&] { macrec::grow_run(run, data, items, folder / "other"); }),
             tests::Contains("generator.safetensors: is not there; items are added to a finished run of macrec"));
}
