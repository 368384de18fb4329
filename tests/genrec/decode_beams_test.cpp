// Searches with whole models on the emulated device: as one launch of a graph that is launched again for other users, with the
// lists that the CPU finds.
#include "genrec/decode_beams.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "genrec/data/synth.h"
#include "genrec/evaluate.h"
#include "genrec/macrec/inference.h"
#include "genrec/mmgrec/inference.h"
#include "tensor/allocator.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/graph.h"
#include "tensor/random.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using namespace genrec;
using tensor::Device;
using tensor::DType;
using tensor::Tensor;
using tests::have_device;

namespace {

// A small T5 that speaks the identifiers of forty items, and users with histories of all lengths.
struct SmallT5 {
  macrec::SpokenIdentifiers identifiers;
  std::unique_ptr<macrec::ItemTokens> tokens;
  std::unique_ptr<Trie> trie;
  std::vector<int32_t> history;
  tensor::Generator rng{1, "test.slots.t5"};

  SmallT5() {
    ItemIdentifiers& spoken = identifiers[macrec::Language::textual];
    spoken.levels = 3, spoken.sizes = {5, 5, 5};
    for (int i = 0; i < 40 * 3; ++i) spoken.codes.push_back(static_cast<int32_t>(rng.below(5)));
    const macrec::Task tasks[] = {macrec::Task::seqrec};
    tokens = std::make_unique<macrec::ItemTokens>(tasks, identifiers);
    trie = std::make_unique<Trie>(macrec::trie_with_end(spoken));
    for (int i = 0; i < 40; ++i) history.push_back(static_cast<int32_t>(rng.below(40)));
  }
  std::vector<Query> users(size_t count, size_t longest) {
    std::vector<Query> queries;
    for (size_t user = 0; user < count; ++user) {
      const size_t length = 1 + rng.below(longest), first = rng.below(40 - length);
      queries.push_back({.sequence = std::span<const int32_t>(history).subspan(first, length)});
      queries.back().excluded = queries.back().sequence.first(rng.below(length));
    }
    return queries;
  }
  nn::T5 model(nn::Parameters& parameters) const {
    return nn::T5(parameters, "t5", {.width = 16, .feed_forward = 24, .heads = 2, .head_width = 8, .encoder_layers = 1,
                                     .decoder_layers = 2, .vocabulary = tokens->layout().size()});
  }
  std::vector<std::vector<RankedItem>> lists(const nn::T5& t5, std::span<const Query> queries, int beam = 6,
                                             Exclusion exclusion = Exclusion::trie, int64_t users_at_once = 256) const {
    const macrec::SearchOptions options{.beam = beam, .exclude_seen = exclusion, .users_at_once = users_at_once};
    return macrec::search_beams(t5, *tokens, *trie, macrec::Language::textual, queries, options).of;
  }
};

void check_close(const std::vector<std::vector<RankedItem>>& got, const std::vector<std::vector<RankedItem>>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t user = 0; user < want.size(); ++user) {
    REQUIRE(got[user].size() == want[user].size());
    for (size_t i = 0; i < want[user].size(); ++i) {
      CHECK(got[user][i].item == want[user][i].item);
      CHECK(got[user][i].score == Approx(want[user][i].score).epsilon(1e-4));
    }
  }
}

struct SearchCounts {
  tensor::cuda::GraphCounts graphs = tensor::cuda::graph_counts();
  int64_t waits = tensor::cuda::synchronizations(), kernels = tensor::cuda::launches();
  int64_t memory = tensor::memory_statistics(Device::cuda).system_allocations;
};

// Whether search() launched a graph that had been there before. But the first of a model it waits once in any case.
bool is_replayed(bool first, const std::function<void()>& search) {
  const SearchCounts before;
  search();
  const SearchCounts after;
  const int64_t launched = after.graphs.launches - before.graphs.launches;
  CHECK(launched <= 1);
  if (!first) CHECK(after.waits - before.waits == 1);
  CHECK(after.kernels - before.kernels > 20);
  if (launched == 0 || after.graphs.instantiations != before.graphs.instantiations) return false;
  CHECK(after.memory == before.memory);
  return true;
}

}  // namespace

TEST_CASE("a packed T5 searches on the device by launching a graph again, and finds the CPU's lists", "[beam][slots][cuda]") {
  if (!have_device()) return;
  SmallT5 small;
  nn::Parameters on_host(3);
  const nn::T5 host = small.model(on_host);
  const tests::On device(Device::cuda);
  nn::Parameters parameters(3);
  const nn::T5 packed = small.model(parameters).packed();
  const auto search_all = [&](size_t users, size_t longest, int beam, Exclusion exclusion) {
    int64_t replays = 0;
    std::vector<Tensor> others;
    for (int round = 0; round < 6; ++round) {
      CAPTURE(users, round);
      const std::vector<Query> queries = small.users(users, longest);
      std::vector<std::vector<RankedItem>> found;
      replays += is_replayed(round == 0, [&] { found = small.lists(packed, queries, beam, exclusion); });
      tensor::cuda::use_graphs(false);
      const auto plain = small.lists(packed, queries, beam, exclusion);
      tensor::cuda::use_graphs(true);
      REQUIRE(found == plain);
      tensor::set_default_device(Device::cpu);
      check_close(found, small.lists(host, queries, beam, exclusion));
      tensor::set_default_device(Device::cuda);
      for (const int64_t size : {16, 256, 4096}) others.push_back(Tensor::full({size}, 1, DType::f32, Device::cuda));
    }
    for (const Tensor& other : others) {  // no graph has written to what came after it
      for (const float x : other.to_vector<float>()) REQUIRE(x == 1);
    }
    return replays;
  };
  CHECK(search_all(1, 2, 6, Exclusion::none) >= 2);
  CHECK(search_all(6, 10, 6, Exclusion::trie) >= 1);
  CHECK(search_all(1, 2, 3, Exclusion::leaf) >= 2);  // beams of other widths
}

TEST_CASE("a group of users is searched for while the lists of the one before it are made", "[beam][slots][cuda]") {
  if (!have_device()) return;
  SmallT5 small;
  nn::Parameters on_host(3);
  const nn::T5 host = small.model(on_host);
  const std::vector<Query> queries = small.users(14, 4);
  const auto want = small.lists(host, queries);
  const tests::On device(Device::cuda);
  nn::Parameters parameters(3);
  const nn::T5 packed = small.model(parameters).packed();
  for (int round = 0; round < 3; ++round) check_close(small.lists(packed, queries, 6, Exclusion::trie, 3), want);
  const SearchCounts before;
  check_close(small.lists(packed, queries, 6, Exclusion::trie, 3), want);
  const SearchCounts after;
  CHECK(after.graphs.launches - before.graphs.launches == 5);
  CHECK(after.graphs.instantiations == before.graphs.instantiations);
  CHECK(after.waits - before.waits == 5);
}

TEST_CASE("the graphs of a search belong to the model and to its trie", "[beam][slots][cuda]") {
  if (!have_device()) return;
  SmallT5 small;
  const tests::On device(Device::cuda);
  nn::Parameters parameters(3), others(4);
  const nn::T5 first = small.model(parameters).packed(), second = small.model(others).packed();
  const std::vector<Query> queries = small.users(6, 12);
  const auto of_first = small.lists(first, queries), of_second = small.lists(second, queries);
  CHECK_FALSE(of_first == of_second);
  for (int round = 0; round < 3; ++round) {
    CHECK(small.lists(first, queries) == of_first);
    CHECK(small.lists(second, queries) == of_second);
  }
  ItemIdentifiers codes = small.identifiers[macrec::Language::textual];  // another trie
  for (int round = 0; round < 3; ++round) {
    for (int32_t& code : codes.codes) code = static_cast<int32_t>(small.rng.below(5));
    small.trie = std::make_unique<Trie>(macrec::trie_with_end(codes));
    tensor::cuda::use_graphs(false);
    const auto plain = small.lists(first, queries);
    tensor::cuda::use_graphs(true);
    CHECK_FALSE(plain == of_first);
    for (int again = 0; again < 3; ++again) CHECK(small.lists(first, queries) == plain);
  }
}

TEST_CASE("a packed MMGRec searches by launching a graph again, unless a user is a stranger", "[beam][mmgrec][cuda]") {
  if (!have_device()) return;
  const Dataset data = make_synthetic(synth_preset("tiny")).dataset;
  const ItemIdentifiers identifiers = [&] {
    tensor::Generator rng(5, "test.decode.codes");
    ItemIdentifiers codes{.levels = 2, .sizes = {8, 8}, .codes = {}};
    for (int64_t i = 0; i < 2 * data.item_count(); ++i) codes.codes.push_back(static_cast<int32_t>(rng.below(8)));
    return assign_identifiers(codes, data.train_counts());
  }();
  const Vocabulary vocabulary(Vocabulary::Layout::disjoint, identifiers.sizes);
  const Trie trie(identifiers);
  const QuerySet all(data, users_with(data, Split::test), Split::test);
  for (const std::string position : {"relation", "default"}) {
    CAPTURE(position);
    const auto model = [&](nn::Parameters& parameters) {
      tensor::Generator rng(6, "test.decode.vectors");
      Tensor items({data.item_count(), 16}), users({data.users(), 16});
      for (float& x : items.span<float>()) x = static_cast<float>(rng.normal());
      for (float& x : users.span<float>()) x = static_cast<float>(rng.normal());
      mmgrec::TransformerOptions options;
      options.position = position, options.heads = 2, options.feed_forward = 16, options.history = 8;
      return mmgrec::Recommender(parameters, options, items, users, vocabulary.size(), identifiers.levels + 1).packed();
    };
    const mmgrec::InferenceOptions inference{.history = 8, .beam = {.k = 5}};
    nn::Parameters on_host(3);
    const mmgrec::Recommender host = model(on_host);
    const tests::On device(Device::cuda);
    nn::Parameters parameters(3);
    const mmgrec::Recommender packed = model(parameters);
    int64_t replays = 0;
    for (int round = 0; round < 6; ++round) {
      std::vector<Query> some(all.queries().begin() + 5 * round, all.queries().begin() + 5 * round + 5);
      const bool stranger = round == 5;
      if (stranger) some[2].user = -1;
      Ranking found;
      const bool replayed =
          is_replayed(round == 0 || stranger, [&] { found = mmgrec::beam_rank(packed, trie, vocabulary, data, some, inference); });
      replays += replayed;
      if (stranger) CHECK_FALSE(replayed);
      tensor::set_default_device(Device::cpu);
      CHECK(found.items == mmgrec::beam_rank(host, trie, vocabulary, data, some, inference).items);
      tensor::set_default_device(Device::cuda);
    }
    CHECK(replays >= 2);
  }
}
