// The inference-time experiment at sizes where nothing of interest happens: its arithmetic, and the command.
#include "genrec/bench_inference.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace genrec;
using Catch::Matchers::Contains;

TEST_CASE("where two curves cross", "[bench]") {
  const std::vector<double> x = {100, 1000, 10000};
  // 0.01 x and 100 / x^0.5 cross where x^1.5 = 10^4.
  const std::vector<double> rising = {1, 10, 100}, falling = {10, 3.1622776601683795, 1};
  CHECK(crossing_point(x, rising, falling).value() == Approx(std::pow(10, 4 / 1.5)));
  CHECK_FALSE(crossing_point(x, falling, rising).has_value());                        // ends below
  CHECK(crossing_point(x, rising, std::vector<double>{0.1, 0.1, 0.1}).value() == 100);  // above everywhere
  CHECK_FALSE(crossing_point(x, rising, std::vector<double>{1000, 1000, 1000}).has_value());
  CHECK_FALSE(crossing_point(x, rising, rising).has_value());
  // Above, below, above again: the last time counts.
  CHECK(crossing_point(x, std::vector<double>{2, 1, 4}, std::vector<double>{1, 2, 2}).value() ==
        Approx(std::pow(10, 3.5)));
}

TEST_CASE("sizes of the inference experiment", "[bench]") {
  CHECK(bench_item_counts(50) == std::vector<int64_t>{50});
  CHECK(bench_item_counts(21621) == std::vector<int64_t>{5000, 10810, 21621});
  CHECK(bench_item_counts(1000000) ==
        std::vector<int64_t>{5000, 10810, 21621, 43242, 86483, 200000, 500000, 1000000});
  CHECK(bench_item_counts(3000000).back() == 3000000);
  CHECK(bench_codes(86483) == 128);
  CHECK(bench_codes(2097152) == 128);
  CHECK(bench_codes(2097153) == 256);
}

TEST_CASE("genrec bench inference measures and draws", "[bench][cli]") {
  const tests::TemporaryFolder folder;
  const std::string svg = folder / "inference.svg";
  const std::vector<std::string> arguments = {"bench",  "inference", "--items-max", "300", "--users", "4", "--rounds",
                                              "2",      "--batch",   "3",           "--history", "5", "--threads", "1"};
  std::vector<std::string> as_json = arguments;
  as_json.insert(as_json.end(), {"--json", "--svg", svg});
  const tests::Outcome outcome = tests::run_program(as_json);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const auto root = nlohmann::json::parse(outcome.out);
  for (const char* key : {"isa", "threads", "users", "batch", "rounds", "history", "k", "rows", "crossing"})
    CHECK(root.contains(key));
  REQUIRE(root["rows"].size() == 1);
  const auto& row = root["rows"][0];
  CHECK(row["items"] == 300);
  CHECK(row["codes"] == 128);
  CHECK(row["vocabulary"] == 3 + 3 * 128 + row["largest_group"].get<int>());
  for (const char* method : {"scan", "mmgrec"}) {
    for (const char* mode : {"single", "batch"}) {
      const auto& timing = row[method][mode];
      CHECK(timing["median_ms"] > 0);
      CHECK(timing["p95_ms"] >= timing["median_ms"]);
      CHECK(timing["mean_ms"] > 0);
    }
  }
  CHECK((root["crossing"]["single"].is_null() || root["crossing"]["single"] > 0));
  CHECK_THAT(tests::read_text(svg), Contains("xmlns=") && Contains("scan, batched</text>") && Contains("</svg>"));

  const tests::Outcome text = tests::run_program(arguments);
  CHECK(text.exit_code == 0);
  CHECK_THAT(text.out, Contains("MMGRec batched") && Contains("3 x 128 + ") && Contains("one user at a time: "));
}

TEST_CASE("genrec bench inference refuses fewer users than rounds", "[bench][cli]") {
  const tests::Outcome outcome = tests::run_program({"bench", "inference", "--items-max", "20", "--users", "2",
                                                     "--rounds", "3"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("bench: 2 users cannot be split into 3 rounds; ask for at least one user in a round"));
}

TEST_CASE("genrec bench inference times TIGER's beam search", "[bench][cli]") {
  const std::vector<std::string> arguments = {"bench", "inference", "--model", "tiger", "--users",  "2",
                                              "--batch", "2",       "--rounds", "1",    "--quiet"};
  const tests::Outcome text = tests::run_program(arguments);
  INFO(text.err);
  REQUIRE(text.exit_code == 0);
  CHECK_THAT(text.out, Contains("one user at a time (2): p50 ") && Contains("batches of 2") && Contains("users a second"));
  std::vector<std::string> as_json = arguments;
  as_json.push_back("--json");
  const auto result = nlohmann::json::parse(tests::run_program(as_json).out);
  CHECK(result["single"]["p99_ms"].get<double>() >= result["single"]["p50_ms"].get<double>());
  CHECK(result["batched"]["users_per_second"].get<double>() > 0);
}
