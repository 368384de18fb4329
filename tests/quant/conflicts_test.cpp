// Conflict resolution: the golden example, a plain restatement on random cases, identifiers in use, what cannot be resolved.
#include "quant/conflicts.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "tensor/random.h"
#include "tests/catch.h"

using quant::Conflicts;
using tensor::Tensor;
using Floats = std::vector<float>;
using Integers = std::vector<int32_t>;

namespace {

// Distances that were measured once: [items, K] of the last two levels.
quant::LevelDistances fixed(std::vector<Tensor> levels) {
  return [levels](const Tensor& items, const Tensor&, int64_t level) {
    const Tensor& all = levels[level];
    Tensor rows({items.size(), all.columns()});
    for (int64_t i = 0; i < items.size(); ++i) {
      const float* row = all.data<float>() + items.data<int32_t>()[i] * all.columns();
      std::copy_n(row, all.columns(), rows.data<float>() + i * all.columns());
    }
    return rows;
  };
}

struct Random {
  std::vector<Tensor> distances;  // per level, [items, K]
  Tensor codes;

  Random(uint64_t seed, int64_t items, int64_t levels, int64_t k) : codes({items, levels}, tensor::DType::i32) {
    const tensor::Random random(seed, "conflicts-test");
    uint64_t index = 0;
    for (int64_t l = 0; l < levels; ++l) {
      distances.emplace_back(tensor::Shape{items, k});
      for (int64_t i = 0; i < items; ++i) {
        float* d = distances[l].data<float>() + i * k;
        for (int64_t c = 0; c < k; ++c) d[c] = static_cast<float>(random.below(index++, 50));  // with ties
        codes.data<int32_t>()[i * levels + l] = static_cast<int32_t>(std::min_element(d, d + k) - d);
      }
    }
  }
};

Integers ascending(const float* d, int64_t k) {
  Integers order(k);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return d[a] < d[b]; });
  return order;
}

// Step by step as it is described, for all items at once.
std::vector<Integers> restated(const Random& r) {
  const int64_t items = r.codes.rows(), levels = r.codes.columns(), k = r.distances[0].columns();
  std::vector<Integers> ids(items);
  const int32_t* codes = r.codes.data<int32_t>();
  for (int64_t i = 0; i < items; ++i) ids[i].assign(codes + i * levels, codes + (i + 1) * levels);
  std::set<Integers> used(ids.begin(), ids.end());
  const auto row = [&](int64_t level, int64_t i) { return r.distances[level].data<float>() + i * k; };
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<Integers> keys;
    std::map<Integers, Integers> groups;
    for (int64_t i = 0; i < items; ++i) {
      if (!groups.count(ids[i])) keys.push_back(ids[i]);
      groups[ids[i]].push_back(static_cast<int32_t>(i));
    }
    for (const Integers& key : keys) {
      Integers group = groups[key];
      const auto smallest = [&](int32_t i) { return *std::min_element(row(levels - 1, i), row(levels - 1, i) + k); };
      std::stable_sort(group.begin(), group.end(), [&](int a, int b) { return smallest(a) < smallest(b); });
      for (size_t rank = 1; rank < group.size(); ++rank) {
        const int32_t i = group[rank];
        const Integers own = ids[i], last = ascending(row(levels - 1, i), k), before = ascending(row(levels - 2, i), k);
        Integers candidate = own;
        size_t n = rank;
        while (used.count(candidate) && n < last.size()) candidate.back() = last[n++];
        for (size_t m = 1; m < before.size() && used.count(candidate); ++m) {
          candidate = own;
          candidate[levels - 2] = before[m];
          n = 0;
          while (used.count(candidate) && n < last.size()) candidate.back() = last[n++];
        }
        ids[i] = candidate;
        used.insert(candidate);
      }
    }
  }
  return ids;
}

}  // namespace

TEST_CASE("conflicts: the golden example", "[quant][conflicts]") {
  const quant::LevelDistances distances = fixed(
      {Tensor::from(Floats{.1f, .5f, .9f, .1f, .2f, .9f, .1f, .6f, .3f, .1f, .5f, .4f, .1f, .7f, .2f}, {5, 3}),
       Tensor::from(Floats{.30f, .4f, .5f, .10f, .2f, .9f, .20f, .9f, .3f, .25f, .3f, .4f, .05f, .5f, .6f}, {5, 3})});
  Tensor codes = Tensor::zeros({5, 2}, tensor::DType::i32);
  const Conflicts result = quant::resolve_conflicts(codes, distances);
  CHECK(codes.to_vector<int32_t>() == Integers{1, 0, 0, 1, 2, 0, 2, 1, 0, 0});
  CHECK(result.items == 5);
  CHECK(result.distinct_before == 1);
  CHECK(result.rate_before() == Approx(.8));
  CHECK(result.rate_after() == 0);
  CHECK(result.moved == 4);
}

TEST_CASE("conflicts: the same as a plain restatement, on random cases", "[quant][conflicts]") {
  int64_t moved = 0, left = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed, 40 + static_cast<int64_t>(seed), 3, 3 + static_cast<int64_t>(seed % 4));
    const std::vector<Integers> expected = restated(random);
    const Conflicts result = quant::resolve_conflicts(random.codes, fixed(random.distances));
    for (int64_t i = 0; i < random.codes.rows(); ++i) {
      const int32_t* row = random.codes.data<int32_t>() + 3 * i;
      REQUIRE(Integers(row, row + 3) == expected[i]);
    }
    CHECK(result.distinct_after == quant::distinct_codes(random.codes));
    CHECK(result.distinct_after >= result.distinct_before);
    moved += result.moved, left += result.items - result.distinct_after;
  }
  CHECK(moved > 400);
  CHECK(left > 0);  // 3^3 codes for more items: not all of the cases can be resolved
}

TEST_CASE("conflicts: codes in use stay and are not given out", "[quant][conflicts]") {
  Random random(1, 30, 2, 6);
  Random old(2, 4, 2, 6);
  Tensor codes = random.codes;
  std::copy_n(codes.data<int32_t>(), 8, old.codes.data<int32_t>());  // the same
  quant::resolve_conflicts(codes, fixed(random.distances), {}, old.codes);
  std::set<std::pair<int32_t, int32_t>> seen;
  const auto add = [&](const Tensor& x) {
    for (int64_t i = 0; i < x.rows(); ++i) seen.insert({x.data<int32_t>()[2 * i], x.data<int32_t>()[2 * i + 1]});
  };
  add(old.codes);
  const size_t before = seen.size();
  add(codes);
  CHECK(seen.size() == before + 30);
  const Tensor longer = Tensor::zeros({1, 3}, tensor::DType::i32);
  CHECK_THAT(tests::error_of([&] { quant::resolve_conflicts(codes, fixed(random.distances), {}, longer); }),
             tests::Contains("conflicts: the codes in use are [1,3], the new ones [30,2]"));
}

TEST_CASE("conflicts: one level, no items, and codes that are no codes", "[quant][conflicts]") {
  Tensor codes = Tensor::zeros({3, 1}, tensor::DType::i32);
  const Conflicts full = quant::resolve_conflicts(codes, fixed({Tensor::from(Floats{1, 2, 1, 2, 1, 2}, {3, 2})}));
  CHECK(full.distinct_after == 2);  // two codes for three items
  Tensor none({0, 2}, tensor::DType::i32);
  CHECK(quant::resolve_conflicts(none, fixed({})).rate_before() == 0);
  Tensor wrong({2, 2});
  CHECK_THAT(tests::error_of([&] { quant::resolve_conflicts(wrong, fixed({})); }),
             tests::Contains("conflicts: codes are f32 [2,2]; they must be i32 [items, levels]"));
}

TEST_CASE("conflicts: with a quantiser, distances are those of its residuals; exact measures anew", "[quant][conflicts]") {
  nn::Parameters parameters;
  quant::ResidualQuantizer quantizer(parameters, "rq", {.levels = 2, .codes = 2, .width = 1});
  quantizer.codebooks()[0].mutable_value().copy_from(Tensor::from(Floats{0, 10}, {2, 1}));
  quantizer.codebooks()[1].mutable_value().copy_from(Tensor::from(Floats{-1, 1}, {2, 1}));
  // All three are (0, 1): 1.1, 1.2 and 2.0. The second takes (0, 0), the third has to go to 10.
  const Tensor z = Tensor::from(Floats{1.1f, 1.2f, 2.0f}, {3, 1});
  for (bool exact : {false, true}) {
    Tensor codes = quantizer.encode(z);
    REQUIRE(codes.to_vector<int32_t>() == Integers{0, 1, 0, 1, 0, 1});
    quant::resolve_conflicts(codes, quant::level_distances(quantizer, z), {.exact = exact});
    // What 10 leaves of 2 is -8: the nearest last code is 0, though it was 1 for what 0 left.
    CHECK(codes.to_vector<int32_t>() == Integers{0, 1, 0, 0, 1, exact ? 0 : 1});
  }
}

TEST_CASE("conflicts: Sinkhorn shares the last codes out among the items of a group", "[quant][conflicts]") {
  Random random(3, 40, 2, 16);
  Tensor codes = random.codes;
  const Tensor before = codes.clone();
  const Conflicts result = quant::reassign_by_sinkhorn(codes, fixed(random.distances));
  CHECK(result.distinct_before == quant::distinct_codes(before));
  CHECK(result.distinct_after > result.distinct_before);
  CHECK(result.distinct_after == quant::distinct_codes(codes));
  for (int64_t i = 0; i < 40; ++i) CHECK(codes.data<int32_t>()[2 * i] == before.data<int32_t>()[2 * i]);
}
