// Compressed rows: building, transposing, merging, and what is refused.
#include "graph/csr.h"

#include <map>

#include "tensor/random.h"
#include "tests/catch.h"

using namespace graph;
using Integers = std::vector<int32_t>;

namespace {
Integers offsets_of(const Csr& a) { return a.offsets.to_vector<int32_t>(); }
Integers indices_of(const Csr& a) { return a.indices.to_vector<int32_t>(); }
std::vector<float> values_of(const Csr& a) { return a.values.to_vector<float>(); }
const std::vector<Pair> kPairs{{2, 1}, {0, 3}, {2, 0}, {0, 1}, {2, 1}};
const std::vector<float> kValues{1, 2, 3, 4, 5};
}  // namespace

TEST_CASE("rows are sorted, duplicates kept or merged", "[graph][csr]") {
  const Csr kept = csr_from_pairs(3, 4, kPairs, Duplicates::keep, kValues);
  CHECK(offsets_of(kept) == Integers{0, 2, 2, 5});
  CHECK(indices_of(kept) == Integers{1, 3, 0, 1, 1});
  CHECK(values_of(kept) == std::vector<float>{4, 2, 3, 1, 5});
  const Csr merged = csr_from_pairs(3, 4, kPairs, Duplicates::merge, kValues);
  CHECK(offsets_of(merged) == Integers{0, 2, 2, 4});
  CHECK(indices_of(merged) == Integers{1, 3, 0, 1});
  CHECK(values_of(merged) == std::vector<float>{4, 2, 3, 6});
  CHECK_FALSE(csr_from_pairs(3, 4, kPairs).values.defined());
  validate(kept), validate(merged);
}

TEST_CASE("the transpose is stable and undone by another", "[graph][csr]") {
  const Csr a = csr_from_pairs(3, 4, kPairs, Duplicates::keep, kValues), t = transpose(a), b = transpose(t);
  CHECK(t.rows == 4);
  CHECK(offsets_of(t) == Integers{0, 1, 4, 4, 5});
  CHECK(indices_of(t) == Integers{2, 0, 2, 2, 0});
  CHECK(values_of(t) == std::vector<float>{3, 4, 1, 5, 2});
  CHECK(offsets_of(b) == offsets_of(a));
  CHECK(indices_of(b) == indices_of(a));
  CHECK(values_of(b) == values_of(a));
}

TEST_CASE("random pairs give the matrix of their sums", "[graph][csr]") {
  tensor::Generator rng(3, "csr-test");
  std::vector<Pair> pairs;
  std::vector<float> values;
  std::map<std::pair<int, int>, float> expected;
  for (int i = 0; i < 500; ++i) {
    pairs.push_back({static_cast<int32_t>(rng.below(17)), static_cast<int32_t>(rng.below(23))});
    values.push_back(static_cast<float>(rng.below(9)));
    expected[{pairs.back().row, pairs.back().column}] += values.back();
  }
  const Csr a = csr_from_pairs(17, 23, pairs, Duplicates::merge, values);
  validate(a);
  REQUIRE(a.entries() == static_cast<int64_t>(expected.size()));
  auto next = expected.begin();  // in order of row, then column
  for (int32_t r = 0; r < 17; ++r)
    for (int32_t e = offsets_of(a)[r]; e < offsets_of(a)[r + 1]; ++e, ++next) {
      CHECK(next->first == std::pair(r, indices_of(a)[e]));
      CHECK(next->second == values_of(a)[e]);
    }
}

TEST_CASE("empty matrices", "[graph][csr]") {
  const Csr none = csr_from_pairs(0, 0, {}), no_entries = csr_from_pairs(2, 3, {});
  validate(none), validate(no_entries);
  CHECK(offsets_of(none) == Integers{0});
  CHECK(offsets_of(transpose(no_entries)) == Integers{0, 0, 0, 0});
}

TEST_CASE("what a matrix refuses", "[graph][csr]") {
  using Catch::Matchers::Contains;
  CHECK_THAT(tests::error_of([] { csr_from_pairs(2, 3, std::vector<Pair>{{0, 0}, {1, 3}}); }),
             Contains("csr: pair 1 is (1,3), outside of the matrix [2,3]; ids count from 0"));
  CHECK_THAT(tests::error_of([] { csr_from_pairs(2, 3, std::vector<Pair>{{-1, 0}}); }), Contains("pair 0 is (-1,0)"));
  CHECK_THAT(tests::error_of([] { csr_from_pairs(-2, 3, {}); }), Contains("csr: sizes must not be negative, got [-2,3]"));
  CHECK_THAT(tests::error_of([] { csr_from_pairs(int64_t{1} << 31, 3, {}); }),
             Contains("csr: [2147483648,3] with 0 entries does not fit 32-bit indices; at most 2147483646"));
  CHECK_THAT(tests::error_of([] { csr_from_pairs(2, 2, std::vector<Pair>{{0, 0}}, Duplicates::keep, kValues); }),
             Contains("csr: 1 pairs and 5 values; give one value per pair, or none"));

  const auto broken = [](Integers offsets, Integers indices) {
    return tests::error_of([&] { validate({2, 3, Tensor::from(offsets), Tensor::from(indices), {}}); });
  };
  CHECK(broken({0, 1, 2}, {0, 2}).empty());
  CHECK_THAT(broken({0, 1, 3}, {0, 2}), Contains("run from 0 to 3; they must run from 0 to the number of entries, 2"));
  CHECK_THAT(broken({0, 3, 2}, {0, 2}), Contains("row 0 has offsets 0 and 3; offsets must ascend"));
  CHECK_THAT(broken({0, 1, 2}, {0, 3}), Contains("row 1 has column 3, but the matrix has 3 columns"));
  CHECK_THAT(broken({0, 2, 2}, {2, 0}), Contains("row 0 has column 0 after 2; columns must ascend"));
  CHECK_THAT(broken({0, 2}, {0, 2}), Contains("2 rows need 3 offsets, got 2"));
}
