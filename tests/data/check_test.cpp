// The check of a prepared data set: every count on a set where it is known.
#include "genrec/data/check.h"

#include <cmath>

#include "tests/catch.h"

using namespace genrec;
using tensor::Tensor;
using tests::Contains;

TEST_CASE("check: counts, norms, duplicates and cold ends", "[data][check]") {
  Dataset d;
  d.user_ids = {"a", "b", "c"};
  d.item_ids = {"v", "w", "x", "y", "z"};
  d.titles = {"1", "2", "", "4", "5"};
  d.items = {0, 1, 2, 3, 0, 0, 4};
  d.bounds = {0, 2, 3, 4, 6, 6, 6, 6, 6, 7};  // a: v w | x | y; b: v v; c: | | z
  d.features["visual"] = {Tensor::from(std::vector<float>{3, 4, 0, 0, 3, 4, NAN, 1, 9, 9}, {5, 2}), {1, 1, 1, 1, 0}};
  d.words["textual"] = {{0, 2, 2, 3, 3, 3}, {0, 1, 1}, 3};
  d.split_protocol = "given";
  const DatasetCheck report = check_dataset(d);
  CHECK(report.users == 3);
  CHECK(report.items == 5);
  CHECK(report.interactions == 7);
  CHECK(report.train == 4);
  CHECK(report.valid == 1);
  CHECK(report.test == 2);
  CHECK(report.density == Approx(7.0 / 15));
  CHECK(report.user_mean == Approx(7.0 / 3));
  CHECK(report.user_min == 1);
  CHECK(report.user_max == 4);
  CHECK(report.duplicate_pairs == 1);
  CHECK(report.cold_items == 3);
  CHECK(report.cold_users == 1);
  CHECK(report.users_without_valid == 2);
  CHECK(report.users_without_test == 1);
  CHECK(report.unreachable_test == 2);
  CHECK(report.untitled == 1);
  CHECK(report.fingerprint == fingerprint(d));
  REQUIRE(report.features.size() == 1);
  const ModalityCheck& visual = report.features[0];
  CHECK(visual.dim == 2);
  CHECK(visual.missing == 1);
  CHECK(visual.zero_rows == 1);
  CHECK(visual.duplicate_rows == 1);
  CHECK(visual.not_finite == 1);
  CHECK(visual.norm_min == 0);
  CHECK(visual.norm_max == 5);
  CHECK(visual.norm_mean == Approx(10.0 / 3));
  REQUIRE(report.words.size() == 1);
  CHECK(report.words[0].unused_words == 1);
  CHECK(report.words[0].empty_items == 3);
  CHECK(report.words[0].words_per_item == Approx(0.6));
  std::string warnings;
  for (const std::string& line : report.warnings) warnings += line + "\n";
  CHECK_THAT(warnings, Contains("1 repeated (user, item) pairs"));
  CHECK_THAT(warnings, Contains("3 of 5 items have no training interaction"));
  CHECK_THAT(warnings, Contains("1 rows of the visual features are not finite"));
  d.items[0] = 9;
  CHECK_THAT(tests::error_of([&] { check_dataset(d); }), Contains("check: names item number 9 of 5"));
}

TEST_CASE("check: a set without held-out items or features is warned about", "[data][check]") {
  Dataset d;
  d.user_ids = {"a"};
  d.item_ids = {"x"};
  d.items = {0};
  d.bounds = {0, 1, 1, 1};
  const DatasetCheck report = check_dataset(d);
  REQUIRE(report.warnings.size() == 3);
  CHECK_THAT(report.warnings[0], Contains("no validation interactions"));
  CHECK_THAT(report.warnings[1], Contains("no test interactions"));
  CHECK_THAT(report.warnings[2], Contains("no features of any modality"));
}
