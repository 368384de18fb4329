// Comparison of runs.
#include "genrec/compare.h"

#include <nlohmann/json.hpp>

#include "tensor/random.h"
#include "tests/catch.h"

using namespace genrec;
using Catch::Matchers::Contains;

namespace {

// Values around `level` with a common part per user, so that pairing matters.
MetricTable table_of(double level, uint64_t seed, int users = 200) {
  MetricTable table{.names = {"Recall@10", "NDCG@10"}, .users = {}, .values = {}};
  const tensor::Random common(1, "test.compare.user"), own(seed, "test.compare.run");
  for (int u = 0; u < users; ++u) {
    table.users.push_back(u);
    const double value = level + 0.3 * common.uniform(u) + 0.02 * own.normal(u);
    table.values.push_back(static_cast<float>(value));
    table.values.push_back(static_cast<float>(value / 2));
  }
  return table;
}

}  // namespace

TEST_CASE("comparison over seeds and users", "[compare]") {
  const std::vector<NamedRuns> runs = {{"popularity", {table_of(0.10, 1)}},
                                       {"ours", {table_of(0.20, 2), table_of(0.21, 3), table_of(0.22, 4)}},
                                       {"twin", {table_of(0.21, 5), table_of(0.2101, 6)}}};
  const Comparison c = compare_runs(runs, {});
  CHECK(c.users == 200);
  CHECK(c.metrics == std::vector<std::string>{"Recall@10", "NDCG@10"});
  CHECK(c.runs[c.reference] != "popularity");
  const Comparison against = compare_runs(runs, {.reference = "ours"});
  const ComparisonCell& ours = against.at(1, 0);
  CHECK(ours.per_seed.size() == 3);
  CHECK(ours.deviation == Approx(deviation(ours.per_seed)));
  CHECK(ours.t_p == 1);
  const ComparisonCell& popularity = against.at(0, 0);
  CHECK(popularity.difference == Approx(popularity.mean - ours.mean));
  CHECK(popularity.difference == Approx(-0.11).margin(0.01));
  CHECK(popularity.interval.low < popularity.difference);
  CHECK(popularity.interval.high > popularity.difference);
  CHECK(popularity.interval.high < 0);
  CHECK(popularity.t_p < 1e-10);
  CHECK(popularity.wilcoxon_p < 1e-10);
  CHECK(popularity.seeds_p == 1);  // one seed says nothing
  CHECK(against.at(2, 0).t_p > 0.05);
  // Two compared runs: Holm doubles the smaller p-value.
  const Comparison alone = compare_runs(std::vector<NamedRuns>{runs[1], runs[0]}, {.reference = "ours"});
  CHECK(popularity.t_p == Approx(2 * alone.at(1, 0).t_p));

  const std::string markdown = comparison_table(against, TableStyle::markdown);
  CHECK_THAT(markdown, Contains("| run | seeds | Recall@10 | NDCG@10 |") && Contains(" ± ") &&
                           Contains("Differences to ours over 200 users") && Contains("<0.0001"));
  CHECK_THAT(comparison_table(against, TableStyle::text), Contains("popularity") && !Contains("|"));
  const auto json = nlohmann::json::parse(comparison_json(against));
  CHECK(json["runs"][0]["metrics"]["Recall@10"]["p_paired_t"].get<double>() < 1e-10);
  CHECK(!json["runs"][1]["metrics"]["Recall@10"].contains("difference"));
}

TEST_CASE("a single run is only described", "[compare]") {
  const std::vector<NamedRuns> runs = {{"ours", {table_of(0.2, 1)}}};
  const Comparison c = compare_runs(runs, {.metrics = {"NDCG@10"}});
  CHECK(c.cells.size() == 1);
  CHECK_THAT(comparison_table(c, TableStyle::text), !Contains("Differences") && !Contains("±"));
}

TEST_CASE("evaluations that were made differently are not compared", "[compare]") {
  const Conditions base{{"data", "12ab"}, {"split", "test"}, {"seen", "drop"}, {"targets", "all"}, {"k", "10"}};
  const auto compare = [&](const std::string& what, const std::string& value) {
    MetricTable a = table_of(0.2, 1), b = table_of(0.2, 2), other = table_of(0.2, 3);
    a.conditions = b.conditions = other.conditions = base;
    other.conditions[what] = value;
    compare_runs(std::vector<NamedRuns>{{"a", {a}}, {"b", {b, other}}}, {});
  };
  CHECK_NOTHROW(compare("k", "10,20"));
  CHECK_THAT(tests::error_of([&] { compare("data", "34cd"); }),
             Contains("compare: 'a' and 'b' were evaluated with different data, 12ab and 34cd; evaluate both alike"));
  CHECK_THAT(tests::error_of([&] { compare("seen", "keep"); }), Contains("with different seen, drop and keep"));
  CHECK_THAT(tests::error_of([&] { compare("targets", "cold"); }), Contains("with different targets, all and cold"));
  CHECK_THAT(tests::error_of([&] { compare("split", "valid"); }), Contains("with different split, test and valid"));

  const tests::TemporaryFolder folder;
  MetricTable table = table_of(0.2, 1);
  table.save(folder / "unsaid");
  CHECK(MetricTable::load(folder / "unsaid").conditions.empty());
  table.conditions = base;
  table.save(folder / "said");
  CHECK(MetricTable::load(folder / "said").conditions == base);
  CHECK(MetricTable::load(folder / "said").values == table.values);
}

TEST_CASE("what cannot be compared is said", "[compare]") {
  const std::vector<NamedRuns> different = {{"a", {table_of(0.2, 1)}}, {"b", {table_of(0.2, 1, 150)}}};
  CHECK_THAT(
      tests::error_of([&] { compare_runs(different, {}); }),
      Contains(
          "compare: 'a' and 'b' were evaluated on different users, 200 and 150; evaluate both on the same data and split"));
  const std::vector<NamedRuns> one = {{"a", {table_of(0.2, 1)}}};
  CHECK_THAT(tests::error_of([&] { compare_runs(one, {.reference = "c"}); }),
             Contains("compare: there is no run 'c' to compare with; choose one of a"));
  CHECK_THAT(tests::error_of([&] { compare_runs(one, {.metrics = {"HR@3"}}); }),
             Contains("there is no HR@3; choose one of Recall@10, NDCG@10"));
  CHECK_THAT(tests::error_of([&] { compare_runs({}, {}); }), Contains("compare: no run given"));
  CHECK_THAT(tests::error_of([&] {
               compare_runs(std::vector<NamedRuns>{{"a", {}}}, {});
             }),
             Contains("compare: run 'a' has no metrics; evaluate it first"));
}
