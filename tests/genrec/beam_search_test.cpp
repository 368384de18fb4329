// Beam search against exhaustive scoring and against a plain reference.
#include "genrec/beam_search.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace genrec;

namespace {

// A model: log-probabilities of all codes after a prefix, for a user. `grid` > 0 rounds them, so that ties are common.
struct ToyModel {
  std::vector<int32_t> sizes;
  double grid = 0;

  std::vector<float> operator()(int32_t user, const std::vector<int32_t>& prefix) const {
    uint64_t key = 77 + user;
    for (int32_t code : prefix) key = key * 1000003 + code + 1;
    const tensor::Random random(key, "test.beam");
    std::vector<float> x(sizes[prefix.size()]);
    for (size_t c = 0; c < x.size(); ++c) {
      const double value = -4 * random.uniform(c);
      x[c] = static_cast<float>(grid > 0 ? std::round(value / grid) * grid : value);
    }
    return x;
  }
};

struct Found {
  std::vector<int32_t> codes;
  float score;
};

// One user, one beam list at a time, with std::map as trie.
std::vector<Found> reference_beam(const ItemIdentifiers& ids, const ToyModel& model, int32_t user, size_t width, bool renorm,
                                  const std::vector<int32_t>& excluded = {}) {
  std::vector<Found> beams = {{{}, 0.0f}};
  for (int level = 0; level < ids.levels; ++level) {
    std::vector<Found> candidates;
    for (const Found& beam : beams) {
      const auto x = model(user, beam.codes);
      std::map<int32_t, bool> children;  // code -> holds an item that is not excluded
      for (int64_t item = 0; item < ids.items(); ++item) {
        if (!std::equal(beam.codes.begin(), beam.codes.end(), ids[item].begin())) continue;
        children[ids[item][level]] |= !std::count(excluded.begin(), excluded.end(), item);
      }
      float normalizer = 0;
      if (renorm) {
        double sum = 0;
        float largest = -INFINITY;
        for (const auto& child : children) largest = std::max(largest, x[child.first]);
        for (const auto& child : children) sum += std::exp(static_cast<double>(x[child.first] - largest));
        normalizer = largest + static_cast<float>(std::log(sum));
      }
      for (const auto& [code, alive] : children) {
        if (!alive) continue;
        Found next = beam;
        next.codes.push_back(code);
        next.score += x[code] - normalizer;
        candidates.push_back(next);
      }
    }
    std::stable_sort(candidates.begin(), candidates.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
    if (candidates.size() > width) candidates.resize(width);
    beams = candidates;
  }
  return beams;
}

BeamSearch run(const Trie& trie, const BeamOptions& options, const ToyModel& model, const std::vector<int32_t>& users,
               const ItemsOf& excluded = {}, const ItemsOf& unwanted = {}) {
  BeamSearch search(trie, options);
  search.start(users, excluded, unwanted);
  std::vector<std::vector<int32_t>> prefixes(search.rows());
  while (!search.done()) {
    if (search.level() > 0) {
      std::vector<std::vector<int32_t>> next;
      for (int64_t row = 0; row < search.rows(); ++row) {
        next.push_back(prefixes[search.parents()[row]]);
        next.back().push_back(search.codes()[row]);
      }
      prefixes = next;
    }
    const int64_t stride = model.sizes[search.level()] + 3;
    std::vector<float> values(search.rows() * stride, 1e6f), normalizer(search.rows(), 0.0f);
    for (size_t user = 0; user < users.size(); ++user) {
      for (int64_t row = search.row_begin()[user]; row < search.row_begin()[user + 1]; ++row) {
        const auto x = model(users[user], prefixes[row]);
        std::copy(x.begin(), x.end(), values.begin() + row * stride + 2);
      }
    }
    search.expand({.values = values.data() + 2, .stride = stride, .normalizer = normalizer.data()});
  }
  return search;
}

ItemIdentifiers some_identifiers(int64_t items, std::vector<int32_t> sizes) {
  std::vector<std::vector<int32_t>> all;
  std::vector<int32_t> code(sizes.size(), 0);
  for (bool more = true; more;) {
    all.push_back(code);
    more = false;
    for (int level = static_cast<int>(sizes.size()) - 1; level >= 0 && !more; --level) {
      code[level] = (code[level] + 1) % sizes[level];
      more = code[level] != 0;
    }
  }
  tensor::Generator generator(9, "test.beam.items");
  generator.shuffle(std::span<std::vector<int32_t>>(all));
  ItemIdentifiers ids{.levels = static_cast<int>(sizes.size()), .sizes = sizes, .codes = {}};
  for (int64_t item = 0; item < items; ++item) ids.codes.insert(ids.codes.end(), all[item].begin(), all[item].end());
  return ids;
}

std::vector<int32_t> items_of(const Trie& trie, const std::vector<Found>& found) {
  std::vector<int32_t> items;
  for (const Found& each : found) items.push_back(trie.items_under(trie.levels(), trie.find(each.codes))[0]);
  return items;
}

std::vector<int32_t> list_of(const Ranking& ranking, int64_t row) {
  return {ranking.of(row).begin(), ranking.of(row).end()};
}

const std::vector<int32_t> kSizes = {4, 5, 3, 2};

}  // namespace

TEST_CASE("a beam as wide as the catalogue gives the exhaustive ranking", "[beam]") {
  const ItemIdentifiers ids = some_identifiers(60, kSizes);
  const Trie trie(ids);
  const ToyModel model{kSizes};
  const Ranking ranking = run(trie, {.k = 60}, model, {0, 1, 2}).ranking();
  for (int32_t user = 0; user < 3; ++user) {
    std::vector<std::pair<float, int32_t>> all;
    for (int32_t item = 0; item < 60; ++item) {
      float score = 0;
      std::vector<int32_t> prefix;
      for (int32_t code : ids[item]) score += model(user, prefix)[code], prefix.push_back(code);
      all.emplace_back(-score, item);
    }
    std::sort(all.begin(), all.end());
    const auto list = ranking.of(user);
    REQUIRE(list.size() == 60);
    for (int rank = 0; rank < 60; ++rank) {
      CHECK(list[rank] == all[rank].second);
      CHECK(ranking.scores[user * 60 + rank] == -all[rank].first);
    }
  }
}

TEST_CASE("narrow beams equal the reference, with and without ties", "[beam]") {
  const ItemIdentifiers ids = some_identifiers(75, kSizes);
  const Trie trie(ids);
  for (double grid : {0.0, 1.0}) {
    const ToyModel model{kSizes, grid};
    for (int width : {1, 2, 5, 10, 200}) {
      for (const BeamScore score : {BeamScore::full, BeamScore::renorm}) {
        const std::vector<int32_t> users = {4, 5, 6, 7};
        const BeamSearch search = run(trie, {.k = width, .score = score}, model, users);
        const Ranking ranking = search.ranking();
        for (size_t u = 0; u < users.size(); ++u) {
          const auto expected = reference_beam(ids, model, users[u], width, score == BeamScore::renorm);
          REQUIRE(list_of(ranking, u) == items_of(trie, expected));
          for (size_t rank = 0; rank < expected.size(); ++rank)
            CHECK(ranking.scores[u * width + rank] == expected[rank].score);
        }
      }
    }
  }
}

TEST_CASE("exclusion inside the trie equals a catalogue without the items and fills the list", "[beam]") {
  const ItemIdentifiers ids = some_identifiers(75, kSizes);
  const Trie trie(ids);
  const ToyModel model{kSizes, 0.5};
  std::vector<int32_t> users(20);
  std::vector<std::vector<int32_t>> seen(20);
  const tensor::Random random(8, "test.beam.seen");
  for (int32_t u = 0; u < 20; ++u) {
    users[u] = u;
    for (int32_t item = 0; item < 75; ++item) {
      if (random.below(u * 75 + item, 20) < static_cast<uint64_t>(u)) seen[u].push_back(item);
    }
  }
  seen[18].clear(), seen[19].clear();
  for (int32_t item = 0; item < 75; ++item) {
    if (item != 40) seen[18].push_back(item);  // one item left
    seen[19].push_back(item);                  // none left
  }
  const auto excluded = [&](int32_t user) { return std::span<const int32_t>(seen[user]); };
  const Ranking ranking = run(trie, {.k = 6}, model, users, excluded).ranking();
  for (int32_t u = 0; u < 19; ++u) {
    const auto list = list_of(ranking, u);
    CHECK(list == items_of(trie, reference_beam(ids, model, u, 6, false, seen[u])));
    CHECK(list.size() == std::min<size_t>(6, 75 - seen[u].size()));
  }
  CHECK(list_of(ranking, 18) == std::vector<int32_t>{40});
  CHECK(ranking.of(19).empty());
}

TEST_CASE("exclusion at the leaves widens the beam and drops; none keeps; both count the excluded", "[beam]") {
  const ItemIdentifiers ids = some_identifiers(75, kSizes);
  const Trie trie(ids);
  const ToyModel model{kSizes};
  const std::vector<int32_t> plain = list_of(run(trie, {.k = 5, .exclusion = Exclusion::none}, model, {3}).ranking(), 0);
  std::vector<int32_t> seen = {plain[0], plain[3]};
  const auto excluded = [&](int32_t) { return std::span<const int32_t>(seen); };

  const BeamSearch none = run(trie, {.k = 5, .exclusion = Exclusion::none}, model, {3}, excluded);
  CHECK(list_of(none.ranking(), 0) == plain);
  CHECK(none.statistics().listed == 5);
  CHECK(none.statistics().excluded_share() == Approx(0.4));

  const BeamSearch leaf = run(trie, {.k = 5, .exclusion = Exclusion::leaf}, model, {3}, excluded);
  std::vector<int32_t> expected = items_of(trie, reference_beam(ids, model, 3, 7, false));
  std::erase_if(expected, [&](int32_t item) { return item == seen[0] || item == seen[1]; });
  CHECK(list_of(leaf.ranking(), 0) == expected);
  CHECK(expected.size() == 5);
  CHECK(leaf.statistics().excluded >= 1);
}

TEST_CASE("unwanted items are not entered, whatever becomes of the excluded ones", "[beam]") {
  const ItemIdentifiers ids = some_identifiers(75, kSizes);
  const Trie trie(ids);
  const ToyModel model{kSizes};
  const std::vector<int32_t> plain = list_of(run(trie, {.k = 75}, model, {3}).ranking(), 0);
  const std::vector<int32_t> seen = {plain[28]}, unwanted(plain.begin(), plain.begin() + 28);
  for (const Exclusion exclusion : {Exclusion::none, Exclusion::leaf, Exclusion::trie}) {
    const BeamSearch search = run(trie, {.k = 5, .exclusion = exclusion}, model, {3},
                                  [&](int32_t) { return std::span<const int32_t>(seen); },
                                  [&](int32_t) { return std::span<const int32_t>(unwanted); });
    std::vector<int32_t> gone = unwanted;
    if (exclusion == Exclusion::trie) gone.push_back(seen[0]);
    std::vector<int32_t> expected = items_of(trie, reference_beam(ids, model, 3, exclusion == Exclusion::leaf ? 6 : 5, false, gone));
    if (exclusion == Exclusion::leaf) std::erase(expected, seen[0]);
    expected.resize(5);
    CHECK(list_of(search.ranking(), 0) == expected);
  }
  const BeamSearch nothing = run(trie, {.k = 5, .exclusion = Exclusion::none}, model, {3}, {},
                                 [&](int32_t) { return std::span<const int32_t>(plain); });
  CHECK(nothing.ranking().of(0).empty());
}

TEST_CASE("a leaf with several items lists them together", "[beam]") {
  const ItemIdentifiers ids{.levels = 2, .sizes = {2, 2}, .codes = {0, 0, 1, 1, 0, 0, 0, 1, 0, 0}};  // items 0, 2, 4 share
  const Trie trie(ids);
  const auto search = [&](int k, std::vector<int32_t> excluded) {
    BeamSearch search(trie, {.k = k});
    const std::vector<int32_t> users = {0};
    search.start(users, [&](int32_t) { return std::span<const int32_t>(excluded); });
    while (!search.done()) {
      const std::vector<float> values(search.rows() * 2, std::log(0.5f));
      search.expand({.values = values.data(), .stride = 2});
    }
    return list_of(search.ranking(), 0);
  };
  CHECK(search(10, {}) == std::vector<int32_t>{0, 2, 4, 3, 1});
  CHECK(search(2, {}) == std::vector<int32_t>{0, 2});
  CHECK(search(10, {2}) == std::vector<int32_t>{0, 4, 3, 1});
  CHECK(search(10, {4, 2, 0, 2}) == std::vector<int32_t>{3, 1});
}

TEST_CASE("path scores and log-sum-exp normalisation", "[beam]") {
  const ItemIdentifiers ids{.levels = 2, .sizes = {2, 2}, .codes = {0, 0, 0, 1, 1, 0}};
  const Trie trie(ids);
  BeamSearch search(trie, {.k = 3});
  const std::vector<int32_t> users = {0};
  search.start(users, {});
  const std::vector<float> first = {3, 2}, shift = {4}, second = {1, 5, 2, 9}, shifts = {6, 4};
  search.expand({.values = first.data(), .stride = 2, .normalizer = shift.data()});
  CHECK(std::vector<float>(search.scores().begin(), search.scores().end()) == std::vector<float>{-1, -2});
  search.expand({.values = second.data(), .stride = 2, .normalizer = shifts.data()});
  const Ranking ranking = search.ranking();
  CHECK(ranking.items == std::vector<int32_t>{1, 2, 0});
  CHECK(ranking.scores == std::vector<float>{-2, -4, -6});
  CHECK(search.path_scores(0, 0) == std::vector<float>{-1, -2});
  CHECK(search.path_scores(0, 1) == std::vector<float>{-2, -4});
  CHECK_THAT(tests::error_of([&] { search.expand({}); }), Catch::Matchers::Contains("expand() at level 2 of 2"));
}

TEST_CASE("beam search: any number of threads gives the same bits", "[beam]") {
  const ItemIdentifiers ids = some_identifiers(100, kSizes);
  const Trie trie(ids);
  const ToyModel model{kSizes, 0.25};
  std::vector<int32_t> users(50), seen = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
  for (int i = 0; i < 50; ++i) users[i] = i;
  const auto excluded = [&](int32_t user) { return std::span<const int32_t>(seen).first(user % 11); };
  tensor::set_threads(1);
  const Ranking one = run(trie, {.k = 8}, model, users, excluded).ranking();
  for (int threads : {2, 7}) {
    tensor::set_threads(threads);
    const Ranking many = run(trie, {.k = 8}, model, users, excluded).ranking();
    CHECK(many.items == one.items);
    CHECK(many.scores == one.scores);
  }
  tensor::set_threads(0);
}

TEST_CASE("beam search errors", "[beam]") {
  const ItemIdentifiers ids{.levels = 1, .sizes = {2}, .codes = {0, 1}};
  const Trie trie(ids);
  const std::vector<int32_t> users = {0}, outside = {2};
  CHECK_THAT(tests::error_of([&] { BeamSearch(trie, {.k = 0}); }),
             Catch::Matchers::Contains("beam search: k is 0; ask for at least one item"));
  BeamSearch search(trie, {.k = 1});
  CHECK_THAT(tests::error_of([&] { search.start(users, [&](int32_t) { return std::span<const int32_t>(outside); }); }),
             Catch::Matchers::Contains("user 0 excludes an item outside [0, 2)"));
  search.start(users, {});
  const std::vector<float> values = {NAN, NAN};
  CHECK_THAT(
      tests::error_of([&] { search.expand({.values = values.data(), .stride = 2}); }),
      Catch::Matchers::Contains("beam search: level 0: none of the scores of user row 0 is a number; the model diverged"));
  search.start({}, {});
  search.expand({});
  CHECK(search.ranking().users == 0);
}
