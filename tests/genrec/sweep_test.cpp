// Sweeps: what is varied, one run per setting, and going on with what is there.
#include "genrec/sweep.h"

#include <nlohmann/json.hpp>

#include "genrec/run_folder.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace genrec;
using tests::contains;
using tests::run_program;
using Words = std::vector<std::string>;

TEST_CASE("the axes of a sweep are read from a list", "[sweep]") {
  const auto axes = sweep_axes({"codes=64", "128", "variant=full"});
  REQUIRE(axes.size() == 2);
  CHECK(axes[0].option == "codes");
  CHECK(axes[0].values == Words{"64", "128"});
  CHECK(axes[1].values == Words{"full"});
  CHECK_THAT(tests::error_of([] { sweep_axes({"64"}); }), tests::Contains("--vary: '64' names no option; give OPTION=VALUE"));
  CHECK_THAT(tests::error_of([] { sweep_axes({"codes="}); }), tests::Contains("--vary codes: a value is empty"));
}

TEST_CASE("a chart of a sweep is a line for numbers and bars for names", "[sweep]") {
  const Sweep sweep{{"HR@5", "NDCG@5"}, {{"width", "8", "", {.1, .2}}, {"width", "16", "", {.2, .3}}, {"variant", "full", "", {.2, .3}}}};
  CHECK(contains(sweep_chart(sweep, "width", "NDCG@5"), "NDCG@5 on validation, by width"));
  CHECK(contains(sweep_chart(sweep, "width", "NDCG@5"), "<path d=\"M"));
  CHECK(contains(sweep_chart(sweep, "variant", "HR@5"), "variant: full"));
}

TEST_CASE("a sweep trains once per setting, measures on validation, and goes on where it stopped", "[sweep][cli]") {
  const tests::TemporaryFolder folder;
  REQUIRE(run_program({"synth", "--out", folder / "data", "--users", "60", "--items", "80", "--quiet"}).exit_code == 0);
  const Words sweep = {"sweep", "--model", "mf", "--data", folder / "data", "--out", folder / "out", "--epochs", "2", "--json"};
  const auto with = [&](Words more) {
    more.insert(more.begin(), sweep.begin(), sweep.end());
    return run_program(more);
  };
  const Words vary = {"--vary", "width=4,8,epochs=1,2"};
  const tests::Outcome first = with(vary);
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  const auto points = nlohmann::json::parse(first.out)["points"];
  REQUIRE(points.size() == 4);
  CHECK(points[0]["run"] == folder / "out/width-4");
  CHECK(points[3]["run"] == folder / "out/standard");  // two epochs are what was asked for anyway
  CHECK(points[0]["metrics"]["Recall@10"].get<double>() > 0);
  CHECK(file_exists(folder / "out/standard/evaluation-valid.safetensors"));
  CHECK_FALSE(file_exists(folder / "out/standard/evaluation-test.safetensors"));
  CHECK(contains(tests::read_text(folder / "out/sweep.tsv"), "option\tvalue\tRecall@10"));
  CHECK(contains(tests::read_text(folder / "out/sweep-width.svg"), "<svg xmlns"));

  std::remove((folder / "out/width-8/evaluation-valid.safetensors").c_str());
  const tests::Outcome again = with(vary);
  CHECK(again.out == first.out);
  CHECK(contains(again.err, "width-4: stage train is finished already"));
  CHECK(contains(with({"--vary", "width=4", "--learning-rate", "0.5"}).err, "width-4: was made with learning-rate = "));
  CHECK(contains(with({"--vary", "width=4", "--precision", "bf16"}).err,
                 "width-4: was made with precision = fp32, now bf16; sweep into another --out"));
  CHECK(contains(with({"--vary", "widht=4"}).err, "mf has no option 'widht'; did you mean 'width'?"));
  CHECK(contains(with({"--vary", "width=x"}).err, "--vary width: 'x'"));
  CHECK(contains(with({}).err, "--vary: mf has no usual values"));

  Words rounded = sweep;
  rounded[6] = folder / "rounded";
  rounded.insert(rounded.end(), {"--vary", "width=4", "--precision", "bf16"});
  REQUIRE(run_program(rounded).exit_code == 0);
  CHECK(contains(tests::read_text(folder / "rounded/width-4/config.toml"), "precision = \"bf16\""));
}

TEST_CASE("a sweep reports no other data set and no other lengths of lists than it was asked for", "[sweep][cli]") {
  const tests::TemporaryFolder folder;
  for (const char* seed : {"1", "2"}) {
    REQUIRE(run_program({"synth", "--out", folder / seed, "--users", "60", "--items", "80", "--seed", seed, "--quiet"}).exit_code == 0);
  }
  const auto sweep = [&](const std::string& data, const std::string& values, const std::string& k) {
    return run_program({"sweep", "--model", "itemknn", "--data", data, "--out", folder / "out", "--vary", "neighbours=" + values, "--k", k,
                        "--json", "--quiet"});
  };
  const tests::Outcome first = sweep(folder / "1", "5,10", "10");
  INFO(first.err);
  REQUIRE(first.exit_code == 0);

  const tests::Outcome other = sweep(folder / "2", "7,5", "10");
  CHECK(other.exit_code == 2);
  CHECK(other.out.empty());
  CHECK(contains(other.err, "out/neighbours-5: was made with data = "));
  CHECK(contains(other.err, "; sweep into another --out\n"));
  CHECK_FALSE(file_exists(folder / "out/neighbours-7"));  // nothing is trained before all is checked

  const tests::Outcome shorter = sweep(folder / "1", "5,7", "3");
  INFO(shorter.err);
  REQUIRE(shorter.exit_code == 0);
  const nlohmann::json result = nlohmann::json::parse(shorter.out);
  for (const auto& point : result["points"]) {
    CHECK(point["metrics"].contains("NDCG@3"));
    CHECK_FALSE(point["metrics"].contains("NDCG@10"));
  }
  CHECK(contains(tests::read_text(folder / "out/sweep-neighbours.svg"), "NDCG@3 on validation"));
  CHECK(sweep(folder / "1", "5,10", "10").out == first.out);

  // An evaluation by hand may have been made otherwise.
  REQUIRE(run_program({"evaluate", folder / "out/neighbours-5", "--split", "valid", "--k", "10", "--seen", "keep"}).exit_code == 0);
  CHECK(sweep(folder / "1", "5,10", "10").out == first.out);
}
