// Usage of codes, neighbour purity and the report.
#include "genrec/ids_report.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace genrec;
using Catch::Matchers::Contains;

namespace {

ItemIdentifiers eight_items() {  // tuples (0,0) x4, (0,1) x2, (1,0), (1,1)
  return assign_identifiers({.levels = 2, .sizes = {4, 2}, .codes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 1}},
                            std::vector<int32_t>(8, 1));
}

// `clusters` groups of items: code 0 is the cluster, code 1 is random; features point along the cluster's axis.
struct Planted {
  ItemIdentifiers ids;
  std::vector<float> features;
  std::vector<int64_t> offsets = {0};
  std::vector<int32_t> items;
};

Planted planted(int count, int clusters) {
  Planted p{.ids = {.levels = 2, .sizes = {clusters, 4}, .codes = {}}, .features = {}, .items = {}};
  const tensor::Random random(4, "test.planted");
  for (int item = 0; item < count; ++item) {
    p.ids.codes.push_back(item % clusters);
    p.ids.codes.push_back(static_cast<int32_t>(random.below(item, 4)));
    for (int d = 0; d < clusters; ++d) {
      p.features.push_back(
          static_cast<float>((d == item % clusters ? 1.0 : 0.0) + 0.05 * random.normal(item * clusters + d)));
    }
  }
  for (int user = 0; user < 60; ++user) {  // each user stays inside one cluster
    for (int i = 0; i < 8; ++i) {
      p.items.push_back(static_cast<int32_t>(random.below(1000 + user * 8 + i, count / clusters)) * clusters +
                        user % clusters);
    }
    p.offsets.push_back(static_cast<int64_t>(p.items.size()));
  }
  return p;
}

}  // namespace

TEST_CASE("usage of codes and collisions", "[ids]") {
  const IdentifierUsage usage = measure_usage(eight_items());
  CHECK(usage.items == 8);
  CHECK(usage.semantic_levels == 2);
  CHECK(usage.groups == 4);
  CHECK(usage.largest_group == 4);
  CHECK(usage.colliding_items == 6);
  CHECK(usage.colliding_share() == 0.75);
  CHECK(usage.group_sizes == std::vector<int64_t>{0, 2, 1, 0, 1});
  REQUIRE(usage.levels.size() == 3);
  const LevelUsage& first = usage.levels[0];
  CHECK(first.counts == std::vector<int64_t>{6, 2, 0, 0});
  CHECK(first.used == 2);
  const double entropy = -0.75 * std::log2(0.75) - 0.25 * std::log2(0.25);
  CHECK(first.entropy == Approx(entropy));
  CHECK(first.entropy_ratio == Approx(entropy / 2));
  CHECK(first.perplexity == Approx(std::exp2(entropy)));
  CHECK(first.top_share == 0.75);
  CHECK(first.gini == Approx(0.625));                                    // sorted 0 0 2 6: 2 (3*2 + 4*6) / (4*8) - 5/4
  CHECK(usage.levels[1].conditional_entropy == Approx(1.75 - entropy));  // tuples 1/2, 1/4, 1/8, 1/8: 1.75 bits
  CHECK(usage.levels[2].conditional_entropy == Approx(3 - 1.75));        // the last level makes all eight distinct
}

TEST_CASE("usage warns of collapse, collisions and long popularity levels", "[ids]") {
  const IdentifierUsage colliding = measure_usage(eight_items());
  REQUIRE(colliding.warnings.size() == 1);
  CHECK_THAT(colliding.warnings[0],
             Contains("6 of 8 items share their code tuple with another, more than 20 %; raise the latent width"));

  ItemIdentifiers one{.levels = 1, .sizes = {16}, .codes = std::vector<int32_t>(100, 3)};
  const IdentifierUsage collapsed = measure_usage(assign_identifiers(one, std::vector<int32_t>(100, 0)));
  REQUIRE(collapsed.warnings.size() == 3);
  CHECK_THAT(collapsed.warnings[0], Contains("level 0 collapsed: 1 of 16 codes used, perplexity 1; start from k-means"));
  CHECK_THAT(collapsed.warnings[1], Contains("100 items share one code tuple, more than 4 times the 16 codes of a level"));

  ItemIdentifiers fine{.levels = 2, .sizes = {8, 8}, .codes = {}};
  for (int i = 0; i < 64; ++i) fine.codes.insert(fine.codes.end(), {i / 8, i % 8});
  CHECK(measure_usage(fine).warnings.empty());
  CHECK(measure_usage(fine).levels[1].gini == Approx(0).margin(1e-12));
  CHECK(measure_usage(fine).levels[1].entropy_ratio == Approx(1));
}

TEST_CASE("neighbour purity finds planted clusters", "[ids]") {
  const Planted p = planted(120, 5);
  const PurityOptions options{.samples = 50, .neighbours = 10};
  for (const NeighbourPurity& purity :
       {feature_purity(p.ids, "visual", p.features, 5, options), interaction_purity(p.ids, p.offsets, p.items, options)}) {
    CHECK(purity.samples == 50);
    REQUIRE(purity.purity.size() == 2);
    CHECK(purity.purity[0] == Approx(1));             // the first code is the cluster
    CHECK(purity.expected[0] == Approx(23.0 / 119));  // 24 items in each of 5 clusters
    CHECK(std::abs(purity.purity[1] - 0.25) < 0.1);   // the second is random among 4
    CHECK(std::abs(purity.expected[1] - 0.05) < 0.02);
  }
}

TEST_CASE("neighbour purity: items without features or interactions, any number of threads", "[ids]") {
  Planted p = planted(40, 4);
  std::fill(p.features.begin(), p.features.begin() + 10 * 4, 0.0f);
  CHECK(feature_purity(p.ids, "visual", p.features, 4, {}).samples == 30);
  CHECK(interaction_purity(p.ids, std::vector<int64_t>{0, 1}, std::vector<int32_t>{3}, {}).samples == 0);
  tensor::set_threads(1);
  const auto one = interaction_purity(p.ids, p.offsets, p.items, {}).purity;
  const auto features = feature_purity(p.ids, "", p.features, 4, {}).purity;
  tensor::set_threads(7);
  CHECK(interaction_purity(p.ids, p.offsets, p.items, {}).purity == one);
  CHECK(feature_purity(p.ids, "", p.features, 4, {}).purity == features);
  tensor::set_threads(0);
}

TEST_CASE("the report as text, JSON and HTML", "[ids]") {
  const IdentifierReport report{measure_usage(eight_items()),
                                {{.against = "visual", .samples = 8, .purity = {0.5, 0.25}, .expected = {0.1, 0.05}}}};
  const std::string text = report_text(report);
  CHECK_THAT(text,
             Contains("8 items, 4 code tuples; 6 items (75.00 %) share theirs with another, the largest group has 4."));
  CHECK_THAT(text,
             Contains("popularity") && Contains("50.00 % (10.00 %)") && Contains("warning: identifiers: 6 of 8 items"));
  const auto json = nlohmann::json::parse(report_json(report));
  CHECK(json["levels"][0]["used"] == 2);
  CHECK(json["levels"][2]["name"] == "popularity");
  CHECK(json["colliding_share"] == 0.75);
  CHECK(json["neighbour_purity"][0]["purity"][1] == 0.25);
  const std::vector<LossPlot> losses = {{{"Loss", "epoch", "loss"}, {{"total", {1, 2, 3}, {3, 2, 1.5}}}}};
  const std::string html = report_html(report, "Identifiers of <run>", losses);
  CHECK_THAT(
      html, Contains("Identifiers of &lt;run&gt;") && Contains("level 1") && Contains("Collisions") && Contains("Training"));
  CHECK_THAT(report_text({measure_usage(eight_items()), {}}), !Contains("Nearest neighbours"));
}
