// Splits: the published sizes, the draw, and times that tie.
#include "genrec/data/split.h"

#include <algorithm>

#include "tests/catch.h"

using namespace genrec;

TEST_CASE("split: the sizes of the ratio split", "[data][split]") {
  const std::pair<int64_t, SplitSizes> published[] = {{1, {1, 0, 0}},   {2, {2, 0, 0}},   {3, {2, 0, 1}},   {4, {3, 0, 1}},
                                                      {5, {4, 0, 1}},   {6, {5, 0, 1}},   {7, {6, 0, 1}},   {8, {6, 1, 1}},
                                                      {10, {8, 1, 1}},  {12, {10, 1, 1}}, {13, {10, 1, 2}}, {18, {14, 2, 2}},
                                                      {20, {16, 2, 2}}, {0, {0, 0, 0}}};
  for (const auto& [n, sizes] : published) {
    INFO("n = " << n);
    CHECK(ratio_sizes(n) == sizes);
    std::vector<Split> splits(static_cast<size_t>(n));
    split_by_ratio(splits, 1, 0);
    CHECK(std::count(splits.begin(), splits.end(), Split::valid) == sizes.valid);
    CHECK(std::count(splits.begin(), splits.end(), Split::test) == sizes.test);
  }
}

TEST_CASE("split: the draw is uniform, seeded, and differs between users", "[data][split]") {
  std::vector<int> tested(10);
  for (uint64_t user = 0; user < 4000; ++user) {
    std::vector<Split> splits(10), again(10);
    split_by_ratio(splits, 3, user);
    split_by_ratio(again, 3, user);
    CHECK(splits == again);
    ++tested[std::find(splits.begin(), splits.end(), Split::test) - splits.begin()];
  }
  for (int count : tested) CHECK(std::abs(count - 400) < 100);  // five standard deviations
}

TEST_CASE("split: last item out", "[data][split]") {
  std::vector<Split> splits(4);
  split_last_out(splits);
  CHECK(splits == std::vector<Split>{Split::train, Split::train, Split::valid, Split::test});
  splits.resize(2);
  split_last_out(splits);
  CHECK(splits == std::vector<Split>{Split::train, Split::train});
}

TEST_CASE("split: time limits keep ties together", "[data][split]") {
  const TimeLimits limits = time_limits({9, 1, 2, 3, 4, 5, 6, 7, 8, 8});
  CHECK(limits.split_of(7) == Split::train);
  CHECK(limits.split_of(8) == Split::valid);
  CHECK(limits.split_of(9) == Split::test);
  CHECK(time_limits({5}).split_of(5) == Split::test);
}
