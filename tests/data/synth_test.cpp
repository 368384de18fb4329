// Planted data: the same for the same seed, learnable, and telling the truth about their own score.
#include "genrec/data/synth.h"

#include <cmath>
#include <fstream>

#include "genrec/data/check.h"
#include "genrec/data/split.h"
#include "tensor/parallel.h"
#include "tests/catch.h"

using namespace genrec;
using tests::Contains;
using tests::error_of;

namespace {

SynthOptions tiny(bool ordered = false, uint64_t seed = 1) {
  SynthOptions options = synth_preset("tiny");
  options.ordered = ordered;
  options.seed = seed;
  return options;
}

// Mean squared distance between two items of one cluster (title up to the dot) over that of any two items.
double relative_spread(const Dataset& d, const Modality& view, char end) {
  const auto label = [&](int64_t item) {
    const std::string& title = d.titles[item];
    const size_t begin = title.find("cluster ");
    return title.substr(begin, title.find(end, begin) - begin);
  };
  const auto values = view.values.span<float>();
  double within = 0, all = 0;
  int64_t within_count = 0, count = 0;
  for (int64_t a = 0; a < d.item_count(); ++a)
    for (int64_t b = 0; b < a; ++b) {
      double distance = 0;
      for (int64_t j = 0; j < view.dim(); ++j) {
        const double difference = values[a * view.dim() + j] - values[b * view.dim() + j];
        distance += difference * difference;
      }
      all += distance, ++count;
      if (label(a) == label(b)) within += distance, ++within_count;
    }
  return within / static_cast<double>(within_count) / (all / static_cast<double>(count));
}

}  // namespace

TEST_CASE("synth: the tiny preset", "[data][synth]") {
  const SynthResult result = make_synthetic(tiny());
  const Dataset& d = result.dataset;
  CHECK(d.users() == 200);
  CHECK(d.item_count() == 300);
  CHECK(d.features.at("visual").dim() == 32);
  CHECK(d.features.at("acoustic").dim() == 16);
  CHECK(d.features.at("textual").dim() == 16);
  CHECK(d.titles[17].find("item 17 (cluster ") == 0);
  CHECK(d.split_protocol == "ratio");
  for (int64_t u = 0; u < d.users(); ++u) {
    const int64_t n = static_cast<int64_t>(d.items_of(u).size());
    CHECK((n >= 12 && n <= 28));
    CHECK(static_cast<int64_t>(d.train_items(u).size()) == ratio_sizes(n).train);
  }
  const DatasetCheck report = check_dataset(d);
  CHECK(report.duplicate_pairs == 0);
  CHECK(report.features[0].not_finite == 0);
}

TEST_CASE("synth: the planted structure is worth learning", "[data][synth]") {
  for (bool ordered : {false, true})
    for (uint64_t seed : {1, 2, 3}) {
      const SynthResult result = make_synthetic(tiny(ordered, seed));
      CHECK(result.oracle.test.recall >= 2.5 * result.popularity.test.recall);
      CHECK(result.oracle.test.recall > 0.35);
      CHECK(result.oracle.valid.ndcg > 2 * result.popularity.valid.ndcg);
      CHECK(result.oracle.test.recall <= 1);
      CHECK(result.popularity.test.recall > 0);
    }
}

TEST_CASE("synth: the views show both levels of clusters", "[data][synth]") {
  const Dataset d = make_synthetic(tiny()).dataset;
  for (const auto& [name, view] : d.features) {
    INFO(name);
    const double cluster = relative_spread(d, view, '.'), subcluster = relative_spread(d, view, ')');
    CHECK(cluster < 0.75);
    CHECK(subcluster < 0.85 * cluster);
  }
}

TEST_CASE("synth: the same for the same seed and any number of threads", "[data][synth]") {
  const int before = tensor::threads();
  tensor::set_threads(1);
  const SynthResult one = make_synthetic(tiny());
  tensor::set_threads(3);
  const SynthResult three = make_synthetic(tiny());
  tensor::set_threads(before);
  CHECK(fingerprint(one.dataset) == fingerprint(three.dataset));
  CHECK(one.oracle.test.recall == three.oracle.test.recall);
  CHECK(fingerprint(one.dataset) != fingerprint(make_synthetic(tiny(false, 2)).dataset));
}

TEST_CASE("synth: the ordered form has times and last items held out", "[data][synth]") {
  const Dataset d = make_synthetic(tiny(true)).dataset;
  CHECK(d.ordered);
  REQUIRE(d.times.size() == d.items.size());
  for (int64_t u = 0; u < d.users(); ++u) {
    CHECK(d.items_of(u, Split::valid).size() == 1);
    CHECK(d.items_of(u, Split::test).size() == 1);
    for (int64_t i = d.bounds[3 * u] + 1; i < d.bounds[3 * u + 3]; ++i) CHECK(d.times[i] > d.times[i - 1]);
  }
}

TEST_CASE("synth: words instead of a dense textual view, and views left out", "[data][synth]") {
  SynthOptions options = tiny();
  options.words = true;
  options.acoustic_dim = 0;
  const Dataset d = make_synthetic(options).dataset;
  CHECK(d.features.size() == 1);
  CHECK(d.words.at("textual").words.size() == 300 * 12);
  CHECK(check_dataset(d).words[0].empty_items == 0);
}

TEST_CASE("synth: the folder carries the scores", "[data][synth]") {
  tests::TemporaryFolder folder;
  const SynthResult result = make_synthetic(tiny());
  save_synthetic(result, folder / "set");
  const std::optional<SavedScores> saved = load_oracle(folder / "set");
  REQUIRE(saved);
  CHECK(saved->oracle.test.recall == result.oracle.test.recall);
  CHECK(saved->popularity.valid.ndcg == result.popularity.valid.ndcg);
  CHECK(saved->fingerprint == fingerprint(result.dataset));
  CHECK(fingerprint(load_dataset(folder / "set")) == fingerprint(result.dataset));
  std::ofstream(folder / "set/oracle.json") << "{}";
  CHECK_THAT(error_of([&] { load_oracle(folder / "set"); }), Contains("oracle.json: is damaged"));
  CHECK_FALSE(load_oracle(folder.path()));
}

TEST_CASE("synth: options that make no sense", "[data][synth]") {
  const auto refusal = [](auto&& change) {
    SynthOptions options;
    change(options);
    return error_of([&] { make_synthetic(options); });
  };
  CHECK_THAT(error_of([] { synth_preset("huge"); }), Contains("preset 'huge' is unknown; choose tiny or small"));
  CHECK_THAT(refusal([](SynthOptions& o) { o.users = 0; }), Contains("each must be at least 1"));
  CHECK_THAT(refusal([](SynthOptions& o) { o.items = 20; }), Contains("20 items cannot fill 6 x 4 subclusters"));
  CHECK_THAT(refusal([](SynthOptions& o) { o.max_interactions = 400; }), Contains("at most half of the 300 items"));
  CHECK_THAT(refusal([](SynthOptions& o) { o.stray = 1.5; }), Contains("each must be from 0 to 1"));
  CHECK_THAT(refusal([](SynthOptions& o) { o.visual_dim = -1; }), Contains("none may be negative"));
  CHECK_THAT(refusal([](SynthOptions& o) { o.noise = -1; }), Contains("neither may be negative"));
}
