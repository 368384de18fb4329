// Beam search in fixed slots, on the CPU and on the emulated device, against BeamSearch.
#include "genrec/beam_slots.h"

#include <cmath>

#include "genrec/decode_beams.h"
#include "tensor/cuda/device.h"
#include "tensor/random.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using namespace genrec;
using tensor::Device;
using tensor::DType;
using tests::have_device;

namespace {

// What a row has said so far decides what is said next; on a grid ties are common.
struct Talker {
  int64_t vocabulary;
  double grid;
  std::vector<uint64_t> keys = {};  // of the rows of the last step

  nn::NextTokenScores operator()(const Tensor& tokens, const Tensor& parents, const Tensor& row_user) {
    const auto fed = tokens.to_vector<int32_t>(), users = row_user.to_vector<int32_t>();
    const auto from = keys.empty() ? fed : parents.to_vector<int32_t>();
    std::vector<uint64_t> next;
    for (size_t row = 0; row < fed.size(); ++row) {
      const uint64_t before = keys.empty() ? 77 + users[row] : keys[from[row]];
      next.push_back(before * 1000003 + fed[row] + 1);
    }
    keys = next;
    const int64_t rows = static_cast<int64_t>(fed.size());
    nn::NextTokenScores scores{Tensor({rows, vocabulary}), Tensor({rows})};
    for (int64_t row = 0; row < rows; ++row) {
      const tensor::Random random(keys[row], "test.slots");
      const auto value = [&](int64_t i) {
        const double x = -4 * random.uniform(i);
        return static_cast<float>(grid > 0 ? std::round(x / grid) * grid : x);
      };
      for (int64_t c = 0; c < vocabulary; ++c) scores.logits.data<float>()[row * vocabulary + c] = value(c);
      scores.lse.data<float>()[row] = value(vocabulary);
    }
    return {scores.logits.to(row_user.device()), scores.lse.to(row_user.device())};
  }
};

struct Case {
  ItemIdentifiers ids;
  std::vector<int32_t> first_tokens, users;
  std::vector<std::vector<int32_t>> excluded, unwanted;
  int64_t vocabulary = 3;

  explicit Case(uint64_t seed) {
    tensor::Generator rng(seed, "test.slots.case");
    ids.levels = 1 + static_cast<int>(seed % 5);
    for (int level = 0; level < ids.levels; ++level) {
      ids.sizes.push_back(1 + static_cast<int32_t>(rng.below(level == 0 ? 9 : 5)));
      first_tokens.push_back(static_cast<int32_t>(vocabulary));
      vocabulary += ids.sizes.back();
    }
    const int64_t items = 1 + static_cast<int64_t>(rng.below(60));  // some share their codes
    for (int64_t i = 0; i < items * ids.levels; ++i)
      ids.codes.push_back(static_cast<int32_t>(rng.below(ids.sizes[i % ids.levels])));
    for (int32_t user = 0; user < 4; ++user) {
      users.push_back(user);
      excluded.emplace_back();
      for (int32_t item = 0; item < items; ++item)
        if (user == 2 || rng.below(4) < static_cast<uint64_t>(user)) excluded[user].push_back(item);  // all of them for one
      unwanted.emplace_back();
      for (int32_t item = 0; item < items; ++item)
        if (user > 0 && rng.below(8) == 0) unwanted[user].push_back(item);
    }
  }
  ItemsOf excluded_of() const {
    return [this](int32_t user) { return std::span<const int32_t>(excluded[user]); };
  }
  // The search on `device` in slots, or as BeamSearch does it.
  BeamSearch run(const Trie& trie, const BeamOptions& options, double grid, Device device, bool in_slots) const {
    BeamSearch search(trie, options);
    search.start(users, excluded_of(), [this](int32_t user) { return std::span<const int32_t>(unwanted[user]); });
    Talker talker{vocabulary, grid};
    if (!in_slots) {
      return decode_beams(std::move(search), Device::cpu,
                          {.start_token = 1, .first_tokens = first_tokens, .encode = [] {}, .next = talker})
          .wait();
    }
    BeamSlots slots(search, 1);
    slots.begin(slots.input().to(device));
    while (!slots.done())
      slots.expand(talker(slots.tokens(), slots.parents(), slots.row_user()), first_tokens[slots.level()]);
    search.adopt(slots.found().to(Device::cpu));
    return search;
  }
};

// The device adds up renormalised scores in another order: ties may then fall differently, so they are left out.
void compare(uint64_t seed, Device device) {
  const Case x(seed);
  const Trie trie(x.ids);
  for (const Exclusion exclusion : {Exclusion::none, Exclusion::leaf, Exclusion::trie}) {
    for (const BeamScore score : {BeamScore::full, BeamScore::renorm}) {
      const bool exact = score == BeamScore::full || device == Device::cpu;
      const double grid = exact && seed % 2 ? 0.5 : 0;
      const BeamOptions options{.k = std::vector{1, 3, 20, 300}[seed % 4], .exclusion = exclusion, .score = score};
      const BeamSearch host = x.run(trie, options, grid, Device::cpu, false), found = x.run(trie, options, grid, device, true);
      CAPTURE(seed, static_cast<int>(exclusion), static_cast<int>(score), options.k);
      const Ranking want = host.ranking(), got = found.ranking();
      REQUIRE(got.items == want.items);
      for (size_t i = 0; i < want.scores.size(); ++i) {
        if (exact) REQUIRE(got.scores[i] == want.scores[i]);
        else REQUIRE(got.scores[i] == Approx(want.scores[i]).epsilon(1e-6));
      }
      CHECK(found.statistics().listed == host.statistics().listed);
      CHECK(found.statistics().excluded == host.statistics().excluded);
      for (int64_t user = 0; user < want.users; ++user) {
        const int last = static_cast<int>(want.of(user).size()) - 1;
        if (last >= 0 && exact) CHECK(found.path_scores(user, last) == host.path_scores(user, last));
      }
    }
  }
}

}  // namespace

TEST_CASE("beam search in fixed slots finds what beam search finds", "[beam][slots]") {
  for (uint64_t seed = 0; seed < 60; ++seed) compare(seed, Device::cpu);
}

TEST_CASE("beam search on the device finds what the host finds", "[beam][slots][cuda]") {
  if (!have_device()) return;
  for (uint64_t seed = 0; seed < 20; ++seed) compare(seed, Device::cuda);
}

TEST_CASE("the device's beam search keeps the best of many children", "[beam][slots][cuda]") {
  if (!have_device()) return;
  ItemIdentifiers ids{.levels = 2, .sizes = {3, 700}, .codes = {}};  // streams longer than what a block holds at a time
  for (int32_t code = 0; code < 2100; ++code) ids.codes.push_back(code % 3), ids.codes.push_back(code / 3);
  const Trie trie(ids);
  for (const double grid : {0.0, 0.25}) {
    for (const int k : {7, 300}) {
      const auto run = [&](Device device) {
        BeamSearch search(trie, {.k = k});
        search.start(std::vector<int32_t>{0, 1}, {});
        const std::vector<int32_t> first_tokens{1, 4};
        const BeamModel model{.first_tokens = first_tokens, .encode = [] {}, .next = Talker{704, grid}};
        return decode_beams(std::move(search), device, model).wait().ranking();
      };
      const Ranking host = run(Device::cpu), found = run(Device::cuda);
      CHECK(found.items == host.items);
      CHECK(found.scores == host.scores);
    }
  }
}

TEST_CASE("scores that are no numbers are an error of the search in slots, a beam too wide for a GPU too", "[beam][slots]") {
  const Trie trie(ItemIdentifiers{.levels = 1, .sizes = {2}, .codes = {0, 1}});
  const auto run = [&](const BeamOptions& options, float value, Device device) {
    return tests::error_of([&] {
      BeamSearch search(trie, options);
      search.start(std::vector<int32_t>{0}, {});
      BeamSlots slots(search, 0);
      slots.begin(slots.input().to(device));
      const Tensor scores = Tensor::full({1, 2}, value, DType::f32, device);
      slots.expand({scores, Tensor::zeros({1}, DType::f32, device)}, 0);
      search.adopt(slots.found().to(Device::cpu));
    });
  };
  const std::string diverged =
      "beam search: level 0: none of the scores of user row 0 is a number; the model diverged, lower the learning rate";
  CHECK(run({.k = 1}, NAN, Device::cpu) == diverged);
  if (!have_device()) return;
  CHECK(run({.k = 1}, NAN, Device::cuda) == diverged);
  CHECK(run({.k = 40000}, 0, Device::cuda) ==
        "beam search: a beam of 40000 does not fit into the shared memory of this GPU; take a smaller one or --device cpu");
}
