// A permutation without a table: every value once, another order per step.
#include <set>
#include <vector>

#include "tensor/permutation.h"
#include "tests/catch.h"

using tensor::Permutation;
using tensor::Random;

namespace {

std::vector<uint64_t> values(const Permutation& permutation) {
  std::vector<uint64_t> result;
  for (uint64_t i = 0; i < permutation.size(); ++i) result.push_back(permutation(i));
  return result;
}

}  // namespace

TEST_CASE("a permutation has every value exactly once", "[permutation]") {
  for (const uint64_t n : {1, 2, 3, 4, 5, 16, 17, 1000, 4096, 4097}) {
    INFO(n);
    const auto all = values(Permutation(Random(1, "test"), n));
    const std::set<uint64_t> distinct(all.begin(), all.end());
    CHECK(distinct.size() == n);
    CHECK(*distinct.rbegin() == n - 1);
  }
}

TEST_CASE("a permutation differs from step to step and leaves few values in place", "[permutation]") {
  const auto first = values(Permutation(Random(1, "test", 0), 1000)), second = values(Permutation(Random(1, "test", 1), 1000));
  size_t in_place = 0, same = 0;
  double products = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    in_place += first[i] == i;
    same += first[i] == second[i];
    products += (static_cast<double>(i) - 499.5) * (static_cast<double>(first[i]) - 499.5);
  }
  CHECK(in_place < 8);  // 1 is expected
  CHECK(same < 8);
  CHECK(std::abs(products / 1000 / 83333) < 0.15);  // correlation of place and value
}

TEST_CASE("a permutation refuses an index beyond its end", "[permutation]") {
  const Permutation permutation(Random(1, "test"), 10);
  CHECK_THAT(tests::error_of([&] { permutation(10); }), tests::Contains("element 10 of a permutation of 10"));
}
