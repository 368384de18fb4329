// synth, import, check and inspect as a user runs them, the example of docs/data.md included.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/program.h"

using nlohmann::json;
using tests::contains;
using tests::run_program;

namespace {
const std::string kExample = std::string(GENREC_SOURCE_DIR) + "/docs/example/";
}

TEST_CASE("the example of docs/data.md is what lies in docs/example and can be imported", "[cli][data]") {
  const std::string page = tests::read_text(std::string(GENREC_SOURCE_DIR) + "/docs/data.md");
  for (const char* name : {"interactions.csv", "visual.csv", "items.csv"})
    CHECK(contains(page, std::string("`docs/example/") + name + "`:\n\n```\n" + tests::read_text(kExample + name) + "```\n"));

  const tests::TemporaryFolder folder;
  const std::string out = folder / "example";
  const tests::Outcome imported =
      run_program({"import", "--interactions", kExample + "interactions.csv", "--features", "visual=" + kExample + "visual.csv",
                   "--items", kExample + "items.csv", "--split", "leave-one-out", "--out", out, "--json"});
  INFO(imported.err);
  REQUIRE(imported.exit_code == 0);
  const json report = json::parse(imported.out);
  CHECK(report["users"] == 3);
  CHECK(report["items"] == 5);
  CHECK(report["train"] == 4);
  CHECK(report["valid"] == 3);
  CHECK(report["test"] == 3);
  CHECK(contains(imported.err, "interactions.csv"));  // the schema
  CHECK(contains(imported.err, "timestamp"));

  const tests::Outcome checked = run_program({"check", out});
  CHECK(checked.exit_code == 0);
  CHECK(contains(checked.out, "interactions         10 (4 train, 3 valid, 3 test)"));
  CHECK(contains(checked.out, "visual"));
  CHECK(contains(checked.out, report["fingerprint"].get<std::string>()));

  const tests::Outcome inspected = run_program({"inspect", out});
  CHECK(inspected.exit_code == 0);
  CHECK(contains(inspected.out, "features.visual"));
  CHECK(contains(inspected.out, "[5,3]"));
}

TEST_CASE("synth makes a data set that check accepts, the same for the same seed", "[cli][data]") {
  const tests::TemporaryFolder folder;
  const std::string first = folder / "a", second = folder / "b";
  const std::vector<std::string> sizes{"--users", "40", "--items", "60", "--json", "--seed", "3"};
  const auto make = [&](const std::string& out) {
    std::vector<std::string> arguments{"synth", "--out", out};
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    const tests::Outcome outcome = run_program(arguments);
    REQUIRE(outcome.exit_code == 0);
    return json::parse(outcome.out);
  };
  const json a = make(first), b = make(second);
  CHECK(a["fingerprint"] == b["fingerprint"]);
  CHECK(a["users"] == 40);
  CHECK(a["oracle"]["test"]["Recall@10"].get<double>() > a["popularity"]["test"]["Recall@10"].get<double>());
  const tests::Outcome checked = run_program({"check", first, "--json"});
  CHECK(checked.exit_code == 0);
  CHECK(json::parse(checked.out)["items"] == 60);
  const tests::Outcome inspected = run_program({"inspect", first, "--json"});
  CHECK(inspected.exit_code == 0);
  CHECK(json::parse(inspected.out).size() >= 5);
}

TEST_CASE("presets of synth set sizes that can be overridden one by one", "[cli][data]") {
  const tests::Outcome small = run_program({"synth", "--preset", "small", "--items", "77", "--dump-config"});
  CHECK(small.exit_code == 0);
  CHECK(contains(small.out, "# preset small\n"));
  CHECK(contains(small.out, "items = 77  # command line\n"));
  const tests::Outcome wrong = run_program({"synth", "--preset", "smal", "--out", "x"});
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err == "genrec: --preset: 'smal' is not known; did you mean 'small'? give one of tiny, small\n");
}

TEST_CASE("missing files exit with 66, bad data with 65", "[cli][data]") {
  const tests::TemporaryFolder folder;
  const std::string out = folder / "out";
  const tests::Outcome no_file = run_program({"import", "--interactions", folder / "none.csv", "--out", out});
  CHECK(no_file.exit_code == 66);
  CHECK(contains(no_file.err, "none.csv"));
  CHECK(run_program({"check", folder / "none"}).exit_code == 66);
  CHECK(run_program({"inspect", folder / "none"}).exit_code == 66);

  const std::string bad = folder / "bad.csv";
  tests::write_text(bad, "user_id,item_id,timestamp\na,x,1\nb,y\n");
  const tests::Outcome broken = run_program({"import", "--interactions", bad, "--out", out});
  CHECK(broken.exit_code == 65);
  CHECK(contains(broken.err, bad + ":3"));
  CHECK(run_program({"check", out}).exit_code == 66);  // nothing was left behind

  tests::write_text(folder / "x.safetensors", "not a container");
  CHECK(run_program({"inspect", folder / "x.safetensors"}).exit_code == 65);
  tests::write_text(folder / "x.txt", "text");
  CHECK(run_program({"inspect", folder / "x.txt"}).exit_code == 65);
}

TEST_CASE("an LC-Rec set comes in with its maps, and its identifier files go out as they were", "[cli][data][lcrec]") {
  const tests::TemporaryFolder folder;
  const auto file = [&](const std::string& name, const std::string& text) { return tests::write_text(folder / name, text), folder / name; };
  const std::string inter = file("X.inter.json", "{\"0\": [2, 0, 1], \"1\": [0, 2, 1]}");
  const tests::Outcome imported =
      run_program({"import", "--interactions", inter, "--item-map", file("X.item2id", "z\t0\nb\t1\nc\t2\n"), "--user-map",
                   file("X.user2id", "u\t0\nv\t1\n"), "--out", folder / "data", "--json"});
  INFO(imported.err);
  REQUIRE(imported.exit_code == 0);
  CHECK(json::parse(imported.out)["split"] == "leave-one-out");
  CHECK(contains(imported.err, "lcrec, one JSON object"));

  const std::string text = R"({"0": ["<A_1>", "<B_4>"], "1": ["<A_1>", "<B_4>"], "2": ["<A_0>", "<B_0>"]})";
  const std::string index = file("X.index.json", text);
  const auto exported = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"ids", "export", index, "--data", folder / "data"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  };
  const tests::Outcome same = exported({"--format", "lcrec", "--letters", "capital"});
  INFO(same.err);
  CHECK(json::parse(same.out) == json::parse(text));
  CHECK(contains(same.err, "X.index.json: 1 of 2 identifiers are shared, by 2 of 3 items"));
  CHECK(json::parse(exported({"--format", "json"}).out)["z"] == json::parse(R"(["<a_1>", "<b_4>"])"));
  CHECK(contains(exported({}).out, "item\tc0\tc1\nz\t1\t4\n"));
  const tests::Outcome report = run_program({"ids", "report", index, "--data", folder / "data"});
  CHECK(report.exit_code == 0);
  CHECK(contains(report.out, "2 code tuples"));
}
