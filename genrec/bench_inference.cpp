#include "genrec/bench_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>

#include "genrec/inner_product.h"
#include "genrec/log.h"
#include "genrec/mmgrec/inference.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace genrec {

using tensor::Tensor;

namespace {

constexpr int kLevels = 3;
constexpr int64_t kWidth = 64;

Tensor random_vectors(int64_t rows, const char* stream, uint64_t seed) {
  Tensor vectors({rows, kWidth});
  float* values = vectors.data<float>();
  const tensor::Random random(seed, stream);
  tensor::parallel_for(vectors.size(), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] = static_cast<float>(2 * random.uniform(i) - 1);
  });
  return vectors;
}

ItemIdentifiers random_identifiers(int64_t items, uint64_t seed) {
  const int codes = bench_codes(items);
  ItemIdentifiers semantic{.levels = kLevels, .sizes = std::vector<int32_t>(kLevels, codes)};
  semantic.codes.resize(items * kLevels);
  tensor::Generator rng(seed, "bench/codes");
  for (int32_t& code : semantic.codes) code = static_cast<int32_t>(rng.below(codes));
  return assign_identifiers(semantic, std::vector<int32_t>(items, 0));
}

double milliseconds_of(const std::function<void()>& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

Timing summarize(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  const size_t count = times.size(), middle = count / 2, last = (95 * count + 99) / 100 - 1;
  return {.median = count % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2,
          .mean = std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(count),
          .p95 = times[last]};
}

// Two recommenders over the same items and the people who ask them.
class Contest {
 public:
  Contest(const InferenceBenchOptions& options, const Tensor& items, const Tensor& users)
      : options_(options),
        identifiers_(random_identifiers(items.rows(), options.seed)),
        trie_(identifiers_),
        vocabulary_(Vocabulary::Layout::disjoint, identifiers_.sizes),
        parameters_(options.seed),
        recommender_(mmgrec::Recommender(parameters_, mmgrec::TransformerOptions{}, items, users, vocabulary_.size(), kLevels + 2)
                         .packed()),
        inference_{.history = options.history, .beam = {.k = options.k, .exclusion = Exclusion::none}, .seed = options.seed,
                   .users_at_once = options.batch} {
    tensor::Generator rng(options.seed, "bench/histories");
    const int64_t length = std::min<int64_t>(options.history, items.rows());
    histories_.resize(users.rows() * length);
    for (int64_t user = 0; user < users.rows(); ++user) {
      const std::span<int32_t> history(histories_.data() + user * length, length);
      for (int32_t& item : history) item = static_cast<int32_t>(rng.below(items.rows()));
      std::sort(history.begin(), history.end());
      queries_.push_back({.user = static_cast<int32_t>(user), .history = history, .excluded = {}});
    }
  }

  InferenceBenchRow run() const {
    InferenceBenchRow row;
    row.items = identifiers_.items(), row.codes = identifiers_.sizes[0];
    row.largest_group = identifiers_.sizes[kLevels], row.vocabulary = vocabulary_.size();
    const std::function<void(std::span<const Query>)> methods[] = {[this](auto queries) { scan(queries); },
                                                                   [this](auto queries) { beam(queries); }};
    std::vector<double> single[2], batch[2];
    const std::span<const Query> queries(queries_);
    const int64_t warm = std::min<int64_t>(5, options_.users);
    for (const auto& method : methods) {
      for (int64_t user = 0; user < warm; ++user) method(queries.subspan(user, 1));
      method(queries.first(options_.batch));
    }
    for (int64_t round = 0; round < options_.rounds; ++round) {
      const int64_t first = round * options_.users / options_.rounds, last = (round + 1) * options_.users / options_.rounds;
      for (int m = 0; m < 2; ++m) {
        for (int64_t user = first; user < last; ++user)
          single[m].push_back(milliseconds_of([&] { methods[m](queries.subspan(user, 1)); }));
      }
      for (int m = 0; m < 2; ++m)
        batch[m].push_back(milliseconds_of([&] { methods[m](queries.first(options_.batch)); }) / options_.batch);
    }
    row.scan_single = summarize(single[0]), row.beam_single = summarize(single[1]);
    row.scan_batch = summarize(batch[0]), row.beam_batch = summarize(batch[1]);
    return row;
  }

 private:
  void scan(std::span<const Query> queries) const {
    const Tensor rows = user_rows(nobody_, recommender_.user_vectors(), queries);
    check_full(rank_by_inner_product(rows, recommender_.item_vectors(), queries, options_.k));
  }
  void beam(std::span<const Query> queries) const {
    check_full(mmgrec::beam_rank(recommender_, trie_, vocabulary_, nobody_, queries, inference_));
  }
  void check_full(const Ranking& ranking) const {
    const int64_t wanted = std::min<int64_t>(options_.k, identifiers_.items());
    tensor::check(ranking.items[wanted - 1] >= 0, "bench: a list is shorter than ", wanted);
  }

  InferenceBenchOptions options_;
  ItemIdentifiers identifiers_;
  Trie trie_;
  Vocabulary vocabulary_;
  nn::Parameters parameters_;
  mmgrec::Recommender recommender_;
  mmgrec::InferenceOptions inference_;
  Dataset nobody_;  // every query has a vector of its own
  std::vector<int32_t> histories_;
  std::vector<Query> queries_;
};

std::vector<double> column(std::span<const InferenceBenchRow> rows, Timing InferenceBenchRow::*timing) {
  std::vector<double> values;
  for (const InferenceBenchRow& row : rows) values.push_back((row.*timing).median);
  return values;
}

std::vector<double> items_of(std::span<const InferenceBenchRow> rows) {
  std::vector<double> values;
  for (const InferenceBenchRow& row : rows) values.push_back(static_cast<double>(row.items));
  return values;
}

}  // namespace

std::vector<int64_t> bench_item_counts(int64_t items_max) {
  std::vector<int64_t> counts = {5000, 10810, 21621, 43242, 86483};
  for (int64_t power = 100000; power < items_max; power *= 10)
    counts.insert(counts.end(), {2 * power, 5 * power, 10 * power});
  std::erase_if(counts, [&](int64_t count) { return count >= items_max; });
  counts.push_back(items_max);
  return counts;
}

int bench_codes(int64_t items) {
  int64_t codes = 128;
  while (codes * codes * codes < items) codes *= 2;
  return static_cast<int>(codes);
}

std::vector<InferenceBenchRow> bench_inference(const InferenceBenchOptions& options) {
  tensor::require(options.users >= options.rounds, "bench: ", options.users, " users cannot be split into ", options.rounds,
                  " rounds; ask for at least one user in a round");
  const std::vector<int64_t> counts = bench_item_counts(options.items_max);
  Stage stage("bench inference", static_cast<int64_t>(counts.size()));
  const Tensor items = random_vectors(options.items_max, "bench/items", options.seed);
  const Tensor users = random_vectors(std::max(options.users, options.batch), "bench/users", options.seed);
  std::vector<InferenceBenchRow> rows;
  for (int64_t count : counts) {
    rows.push_back(Contest(options, items.row_range(0, count), users).run());
    stage.update(static_cast<int64_t>(rows.size()), {{"items", static_cast<double>(count)},
                                                     {"scan_ms", rows.back().scan_single.median},
                                                     {"mmgrec_ms", rows.back().beam_single.median}});
  }
  return rows;
}

std::optional<double> crossing_point(std::span<const double> x, std::span<const double> rising,
                                     std::span<const double> other) {
  const auto lead = [&](size_t i) { return std::log(rising[i] / other[i]); };  // above 0: the rising curve lies above
  size_t first = x.size();                                                     // from here on it does
  while (first > 0 && lead(first - 1) > 0) --first;
  if (first == x.size()) return std::nullopt;
  if (first == 0) return x[0];
  const double before = lead(first - 1), part = -before / (lead(first) - before);
  return std::exp(std::log(x[first - 1]) + part * std::log(x[first] / x[first - 1]));
}

InferenceCrossings inference_crossings(std::span<const InferenceBenchRow> rows) {
  const auto crossing = [&](auto scan, auto beam) {
    return crossing_point(items_of(rows), column(rows, scan), column(rows, beam));
  };
  return {.single = crossing(&InferenceBenchRow::scan_single, &InferenceBenchRow::beam_single),
          .batch = crossing(&InferenceBenchRow::scan_batch, &InferenceBenchRow::beam_batch)};
}

std::vector<std::vector<std::string>> inference_table(std::span<const InferenceBenchRow> rows) {
  std::vector<std::vector<std::string>> table = {{"items", "codes", "scan median", "mean", "p95", "MMGRec median", "mean",
                                                  "p95", "scan batched", "MMGRec batched"}};
  const auto text = [](double value) { return fmt::format("{:.4g}", value); };
  for (const InferenceBenchRow& row : rows) {
    table.push_back({fmt::format("{}", row.items), fmt::format("3 x {} + {}", row.codes, row.largest_group)});
    for (const Timing& timing : {row.scan_single, row.beam_single})
      for (double value : {timing.median, timing.mean, timing.p95}) table.back().push_back(text(value));
    for (const Timing& timing : {row.scan_batch, row.beam_batch}) table.back().push_back(text(timing.median));
  }
  return table;
}

std::string inference_chart(std::span<const InferenceBenchRow> rows) {
  std::vector<Series> series;
  const auto add = [&](const char* name, auto timing) { series.push_back({name, items_of(rows), column(rows, timing)}); };
  add("scan", &InferenceBenchRow::scan_single);
  add("MMGRec", &InferenceBenchRow::beam_single);
  add("scan, batched", &InferenceBenchRow::scan_batch);
  add("MMGRec, batched", &InferenceBenchRow::beam_batch);
  return line_chart({.title = "Time per user", .x = "items", .y = "ms", .log = true}, series);
}

}  // namespace genrec
