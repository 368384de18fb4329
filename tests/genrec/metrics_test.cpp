// Metrics against hand-computed values.
#include "genrec/metrics.h"

#include "tensor/safetensors.h"
#include "tests/catch.h"

using namespace genrec;

TEST_CASE("metrics of one list", "[metrics]") {
  // Hits at ranks 2 and 5.
  const std::vector<int32_t> ranked = {90, 1, 91, 92, 2, 93, 94, 95, 96, 97};
  const std::vector<int32_t> three = {1, 2, 3}, twelve = {1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  const ListMetrics a = measure_list(ranked, three, 10);
  CHECK(a.recall == Approx(0.666667).epsilon(1e-6));
  CHECK(a.ndcg == Approx(0.477624).epsilon(2e-6));
  CHECK(a.hit_rate == 1);
  CHECK(a.reciprocal_rank == 0.5);
  const ListMetrics b = measure_list(ranked, twelve, 10);
  CHECK(b.recall == Approx(0.166667).epsilon(3e-6));
  CHECK(b.ndcg == Approx(0.224006).epsilon(3e-6));
  const ListMetrics c = measure_list(ranked, three, 1);
  CHECK(c.recall == 0);
  CHECK(c.ndcg == 0);
  CHECK(c.hit_rate == 0);
  CHECK(c.reciprocal_rank == 0);
}

TEST_CASE("a short list counts as misses behind its end", "[metrics]") {
  const ListMetrics m = measure_list(std::vector<int32_t>{5}, std::vector<int32_t>{5, 6}, 10);
  CHECK(m.recall == 0.5);
  CHECK(m.ndcg == Approx(1.0 / (1.0 + 1.0 / std::log2(3.0))));
  const ListMetrics none = measure_list({}, std::vector<int32_t>{5}, 10);
  CHECK(none.ndcg == 0);
}

TEST_CASE("metric table: columns, means, users without held-out items", "[metrics]") {
  Ranking ranking(3, 2);
  ranking.items = {0, 1, 2, 3, 4, -1};
  const std::vector<int32_t> users = {7, 8, 9}, one = {1}, four = {4, 3, 4};
  const auto held_out = [&](int32_t user) {
    return user == 7   ? std::span<const int32_t>(one)
           : user == 9 ? std::span<const int32_t>(four)
                       : std::span<const int32_t>();
  };
  const std::vector<int> cutoffs = {1, 2};
  const MetricTable table = measure(ranking, users, held_out, cutoffs);
  CHECK(table.names ==
        std::vector<std::string>{"Recall@1", "NDCG@1", "HR@1", "MRR@1", "Recall@2", "NDCG@2", "HR@2", "MRR@2"});
  CHECK(table.users == std::vector<int32_t>{7, 9});
  CHECK(table.mean("Recall@1") == Approx(0.25));
  CHECK(table.mean("Recall@2") == Approx(0.75));
  CHECK(table.mean("HR@2") == 1);
  CHECK(table.mean("MRR@2") == Approx(0.75));
  CHECK(table.values_of("HR@1") == std::vector<double>{0, 1});
  CHECK_THAT(tests::error_of([&] { table.mean("Recall@5"); }),
             Catch::Matchers::Contains("metrics: there is no Recall@5; choose one of Recall@1, NDCG@1"));
  CHECK_THAT(tests::error_of([&] { measure(ranking, users, held_out, std::vector<int>{3}); }),
             Catch::Matchers::Contains("metrics: Recall@3 needs lists of 3 items, these hold 2; rank with a larger k"));
  CHECK_THAT(tests::error_of([&] { measure(ranking, users, held_out, std::vector<int>{0}); }),
             Catch::Matchers::Contains("metrics: cutoff 0 makes no sense"));
  CHECK_THAT(tests::error_of([&] { measure(ranking, users, held_out, std::vector<int>{}); }),
             Catch::Matchers::Contains("metrics: no cutoff given"));
  ranking.items = {0, 0, 2, 3, 4, -1};
  CHECK_THAT(tests::error_of([&] { measure(ranking, users, held_out, cutoffs); }),
             Catch::Matchers::Contains("holds item 0 twice"));
}

TEST_CASE("metric files", "[metrics]") {
  const tests::TemporaryFolder folder;
  const MetricTable table{.names = {"Recall@5", "NDCG@5"}, .users = {3, 8}, .values = {0.5f, 0.25f, 0, 1}};
  table.save(folder / "metrics.safetensors");
  const MetricTable again = MetricTable::load(folder / "metrics.safetensors");
  CHECK(again.names == table.names);
  CHECK(again.users == table.users);
  CHECK(again.values == table.values);
  tensor::write_safetensors(folder / "other.safetensors", {});
  CHECK_THAT(tests::error_of([&] { MetricTable::load(folder / "other.safetensors"); }),
             Catch::Matchers::Contains("other.safetensors: these are no per-user metrics; give a file that"));
  const auto users = tensor::Tensor::from(table.users);
  tensor::write_safetensors(folder / "bad.safetensors", {{"users", users}, {"values", users}},
                            {{"format", "genrec per-user metrics 1"}, {"metrics", "HR@1"}});
  CHECK_THAT(tests::error_of([&] { MetricTable::load(folder / "bad.safetensors"); }),
             Catch::Matchers::Contains("bad.safetensors: expected users i32 [n] and values f32 [n,1]"));
}

TEST_CASE("no user with held-out items gives an empty table with means of 0", "[metrics]") {
  const MetricTable table = measure(
      Ranking(1, 5), std::vector<int32_t>{0}, [](int32_t) { return std::span<const int32_t>(); }, std::vector<int>{5});
  CHECK(table.users.empty());
  CHECK(table.mean("NDCG@5") == 0);
}
