// Selection of the best items and the full ranking.
#include "genrec/ranking.h"

#include <cmath>

#include "genrec/inner_product.h"
#include "tensor/cuda/device.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace genrec;

namespace {

std::vector<RankedItem> sorted_reference(const std::vector<float>& scores, const std::vector<int32_t>& excluded, int k) {
  std::vector<RankedItem> list;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!std::count(excluded.begin(), excluded.end(), static_cast<int32_t>(i)))
      list.push_back({static_cast<int32_t>(i), scores[i]});
  }
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  list.resize(std::min<size_t>(list.size(), k));
  return list;
}

}  // namespace

TEST_CASE("top_k equals a stable sort, ties to the lowest item", "[ranking]") {
  const tensor::Random random(1, "test.ranking");
  for (int items : {1, 5, 63, 64, 65, 200, 1000}) {
    std::vector<float> scores(items);
    for (int i = 0; i < items; ++i) scores[i] = static_cast<float>(random.below(i, 20));  // many ties
    std::vector<int32_t> excluded;
    for (int i = 0; i < items; i += 3) excluded.push_back(i);
    for (int k : {1, 3, 10, 2000}) {
      const auto expected = sorted_reference(scores, excluded, k), got = top_k(scores, excluded, k);
      REQUIRE(got.size() == expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].item == expected[i].item);
        CHECK(got[i].score == expected[i].score);
      }
    }
  }
}

TEST_CASE("top_k ranks infinities and leaves NaN out", "[ranking]") {
  const std::vector<float> scores = {NAN, -INFINITY, 2, NAN, INFINITY};
  const auto list = top_k(scores, {}, 5);
  REQUIRE(list.size() == 3);
  CHECK(list[0].item == 4);
  CHECK(list[1].item == 2);
  CHECK(list[2].item == 1);
}

TEST_CASE("item lists may come in any order", "[ranking]") {
  const std::vector<float> scores = {5, 4, 3, 2, 1};
  const std::vector<int32_t> excluded = {2, 0, 2};
  const auto list = top_k(scores, excluded, 2);
  CHECK(list[0].item == 1);
  CHECK(list[1].item == 3);
  std::vector<int32_t> buffer;
  const std::vector<int32_t> sorted = {1, 4};
  CHECK(ascending(sorted, buffer).data() == sorted.data());
  CHECK(ascending(excluded, buffer).size() == 2);
}

TEST_CASE("rank_all does not depend on block size and threads", "[ranking]") {
  const int64_t items = 333;
  std::vector<int32_t> users(37);
  for (int i = 0; i < 37; ++i) users[i] = 100 - 2 * i;
  std::vector<std::vector<int32_t>> seen(101);
  const tensor::Random random(3, "test.rank_all");
  for (int u = 0; u < 101; ++u) {
    for (int i = u % 7; i < 333; i += 11 + u) seen[u].push_back(i);
  }
  const auto score = [&](std::span<const int32_t> block, float* out) {
    for (size_t r = 0; r < block.size(); ++r) {
      for (int64_t i = 0; i < items; ++i) out[r * items + i] = static_cast<float>(random.below(block[r] * items + i, 50));
    }
  };
  const auto excluded = [&](int32_t user) { return std::span<const int32_t>(seen[user]); };
  tensor::set_threads(1);
  const Ranking first = rank_all(users, items, 20, excluded, score, 1);
  for (int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    for (int64_t block : {0, 5, 37}) {
      const Ranking again = rank_all(users, items, 20, excluded, score, block);
      CHECK(again.items == first.items);
      CHECK(again.scores == first.scores);
    }
  }
  tensor::set_threads(0);
  for (int r = 0; r < 37; ++r) {
    for (int32_t item : first.of(r)) CHECK(!std::binary_search(seen[users[r]].begin(), seen[users[r]].end(), item));
  }
}

TEST_CASE("rank_all gives short lists only where items run out, and reports NaN", "[ranking]") {
  const std::vector<int32_t> users = {0, 1}, all = {0, 1, 2};
  const auto excluded = [&](int32_t user) {
    return user == 0 ? std::span<const int32_t>() : std::span<const int32_t>(all).first(2);
  };
  const Ranking ranking = rank_all(users, 3, 2, excluded, [](auto block, float* out) {
    for (size_t i = 0; i < block.size() * 3; ++i) out[i] = static_cast<float>(i);
  });
  CHECK(ranking.items == std::vector<int32_t>{2, 1, 2, -1});
  CHECK(ranking.of(1).size() == 1);
  CHECK_THAT(
      tests::error_of([&] { rank_all(users, 3, 2, excluded, [](auto, float* out) { std::fill(out, out + 6, NAN); }); }),
      Catch::Matchers::Contains(
          "ranking: user 0 has 0 items with a score that is a number, 2 are needed; the model diverged"));
  CHECK_THAT(tests::error_of([&] { rank_all(users, 3, 0, excluded, {}); }),
             Catch::Matchers::Contains("ranking: k is 0; ask for at least"));
}

TEST_CASE("ranking by inner product equals the selection from all scores", "[ranking]") {
  const int64_t width = 8, users = 300, items = 9001;  // several blocks of users, pieces and tiles of items
  tensor::Tensor rows({users, width}), table({items, width});
  tensor::Generator rng(7, "test.inner_product");
  for (float& x : rows.span<float>()) x = static_cast<float>(rng.below(3)) - 1;  // small whole numbers: exact, many ties
  for (float& x : table.span<float>()) x = static_cast<float>(rng.below(3)) - 1;
  std::vector<std::vector<int32_t>> excluded(users);
  std::vector<Query> queries(users);
  for (int64_t u = 0; u < users; ++u) {
    for (int64_t i = u % 5; i < items; i += 2 + u) excluded[u].push_back(static_cast<int32_t>(i));
    queries[u].excluded = excluded[u];
  }
  for (int threads : {1, 3}) {
    tensor::set_threads(threads);
    const Ranking ranking = rank_by_inner_product(rows, table, queries, 20);
    for (int64_t u = 0; u < users; u += 13) {
      std::vector<float> scores(items, 0.0f);
      for (int64_t i = 0; i < items; ++i) {
        const float *row = rows.data<float>() + u * width, *column = table.data<float>() + i * width;
        for (int64_t d = 0; d < width; ++d) scores[i] += row[d] * column[d];
      }
      const auto expected = top_k(scores, excluded[u], 20);
      for (int rank = 0; rank < 20; ++rank) {
        REQUIRE(ranking.items[u * 20 + rank] == expected[rank].item);
        REQUIRE(ranking.scores[u * 20 + rank] == expected[rank].score);
      }
    }
  }
  tensor::set_threads(0);
  table.fill(NAN);
  CHECK_THAT(tests::error_of([&] { rank_by_inner_product(rows, table, queries, 20); }),
             Catch::Matchers::Contains("ranking: user 0 has 0 items with a score that is a number, 20 are needed"));
  CHECK_THAT(tests::error_of([&] { rank_by_inner_product(rows, table, queries, 0); }),
             Catch::Matchers::Contains("ranking: k is 0; ask for at least"));
}

TEST_CASE("the device ranks as the CPU does: ties, excluded items, rows that are no numbers, lists longer than the catalogue",
          "[ranking][cuda]") {
  const std::string missing = tensor::cuda::open();
  if (!missing.empty()) return tests::skip("no emulation of the CUDA kernels: " + missing);
  const tensor::Random random(3, "test.device ranking");
  tensor::Tensor rows({9, 4}), table({700, 4});
  for (tensor::Tensor* x : {&rows, &table}) {  // halves: products are exact and ties common
    for (int64_t i = 0; i < x->size(); ++i) x->data<float>()[i] = static_cast<float>(random.below(i + x->size(), 9)) / 2;
  }
  std::vector<int32_t> excluded;
  for (int32_t item = 0; item < 700; item += 3) excluded.push_back(item);
  excluded.push_back(4), excluded.push_back(0);  // neither ascending nor distinct
  std::vector<Query> queries(9);
  queries[2].excluded = excluded, queries[5].excluded = std::span<const int32_t>(excluded).first(1);
  for (const int k : {1, 20, 300, 1000, 20000}) {
    const Ranking host = rank_by_inner_product(rows, table, queries, k);
    const Ranking found = rank_by_inner_product(rows, table.to(tensor::Device::cuda), queries, k);
    CHECK(found.items == host.items);
    CHECK(found.scores == host.scores);
  }
  rows.fill(NAN);
  CHECK_THAT(tests::error_of([&] { rank_by_inner_product(rows, table.to(tensor::Device::cuda), queries, 20); }),
             tests::Contains("ranking: user 0 has 0 items with a score that is a number, 20 are needed"));
}
