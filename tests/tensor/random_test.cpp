// Philox against the published vectors, and the statistics of what is drawn from it.
#include "tensor/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "tests/catch.h"

using tensor::Generator;
using tensor::Random;

TEST_CASE("philox 4x32-10 known answers", "[random]") {  // Random123, kat_vectors
  CHECK(tensor::philox({{0, 0}, {0, 0}}, 0) == std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint32_t all = 0xffffffff;
  CHECK(tensor::philox({{all, all}, {all, all}}, ~uint64_t{0}) ==
        std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(tensor::philox({{0xa4093822, 0x299f31d0}, {0x13198a2e, 0x03707344}}, uint64_t{0x85a308d3} << 32 | 0x243f6a88) ==
        std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a value depends on seed, stream, step and index only", "[random]") {
  const Random random(3, "a", 5);
  CHECK(random.bits(10) == Random(3, "a", 5).bits(10));
  CHECK(random.bits(10) != Random(4, "a", 5).bits(10));
  CHECK(random.bits(10) != Random(3, "b", 5).bits(10));
  CHECK(random.bits(10) != Random(3, "a", 6).bits(10));
  CHECK(random.bits(10) != random.bits(11));
  CHECK(Random(3, "a", uint64_t{1} << 32).bits(0) != Random(3, "a", 0).bits(0));
  Generator first(random), second(3, "a", 5);
  for (int i = 0; i < 10; ++i) CHECK(first.uniform() == second.uniform());
}

TEST_CASE("uniform and normal have their moments", "[random]") {
  const Random random(1, "moments");
  const int n = 100000;
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0, fourth = 0, neighbours = 0, tail = 0;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform(i), x = random.normal(i);
    REQUIRE((u >= 0 && u < 1));
    REQUIRE(std::isfinite(x));
    sum += u, squares += u * u, normal_sum += x, normal_squares += x * x, fourth += x * x * x * x;
    neighbours += x * random.normal(i + 1), tail += std::abs(x) > 1.959964;
  }
  CHECK(sum / n == Approx(0.5).margin(5 * std::sqrt(1.0 / 12 / n)));
  CHECK(squares / n == Approx(1.0 / 3).margin(5 * 0.3 / std::sqrt(n)));
  CHECK(normal_sum / n == Approx(0).margin(5 / std::sqrt(n)));
  CHECK(normal_squares / n == Approx(1).margin(5 * std::sqrt(2.0 / n)));
  CHECK(fourth / n == Approx(3).margin(5 * std::sqrt(96.0 / n)));
  CHECK(neighbours / n == Approx(0).margin(5 / std::sqrt(n)));
  CHECK(tail / n == Approx(0.05).margin(5 * std::sqrt(0.05 * 0.95 / n)));
}

TEST_CASE("below is uniform over its bound", "[random]") {
  const Random random(2, "below");
  for (uint64_t bound : {1, 2, 3, 10, 257}) {
    const int n = 20000;
    std::vector<int> count(bound);
    for (int i = 0; i < n; ++i) ++count.at(random.below(i, bound));  // at() throws beyond the bound
    double chi_square = 0;
    const double mean = double(n) / bound;
    for (int c : count) chi_square += (c - mean) * (c - mean) / mean;
    CHECK(chi_square <= bound - 1 + 5 * std::sqrt(2.0 * bound));
  }
  const uint64_t large = uint64_t{1} << 63;
  bool upper = false, lower = false;
  for (int i = 0; i < 40; ++i) {
    const uint64_t value = random.below(i, large);
    REQUIRE(value < large);
    (value >= large / 2 ? upper : lower) = true;
  }
  CHECK((upper && lower));
  for (const uint64_t bound : {uint64_t{3}, uint64_t{0xffffffff}, uint64_t{0x123456789abcdef}, ~uint64_t{0}}) {  // r bound / 2^64
    for (uint64_t i = 0; i < 20; ++i) {
      const auto words = tensor::philox(random.key(), (uint64_t{1} << 62) | (i / 2));
      const uint64_t r = uint64_t{words[i % 2 * 2]} << 32 | words[i % 2 * 2 + 1];
      REQUIRE(random.below(i, bound) == static_cast<uint64_t>((static_cast<unsigned __int128>(r) * bound) >> 64));
    }
  }
}

TEST_CASE("shuffle makes every permutation equally often", "[random]") {
  Generator random(4, "shuffle");
  std::vector<int> count(24);
  const int n = 24000;
  for (int i = 0; i < n; ++i) {
    std::vector<int> values = {0, 1, 2, 3};
    random.shuffle(std::span<int>(values));
    int rank = 0;
    std::vector<int> order = {0, 1, 2, 3};
    while (order != values) {
      REQUIRE(std::next_permutation(order.begin(), order.end()));
      ++rank;
    }
    ++count[rank];
  }
  double chi_square = 0;
  for (int c : count) chi_square += (c - 1000.0) * (c - 1000.0) / 1000;
  CHECK(chi_square <= 23 + 5 * std::sqrt(46.0));
}

TEST_CASE("choose takes a sample without replacement", "[random]") {
  Generator random(5, "choose");
  std::vector<int> taken(10);
  for (int i = 0; i < 5000; ++i) {
    std::vector<int> values(10);
    std::iota(values.begin(), values.end(), 0);
    random.choose(std::span<int>(values), 3);
    REQUIRE(std::set<int>(values.begin(), values.end()).size() == 10);
    for (int j = 0; j < 3; ++j) ++taken[values[j]];
  }
  for (int count : taken) CHECK(count == Approx(1500).margin(5 * std::sqrt(5000 * 0.3 * 0.7)));
  std::vector<int> few = {1, 2};
  random.choose(std::span<int>(few), 5);  // more than there are
  CHECK(few.size() == 2);
}
