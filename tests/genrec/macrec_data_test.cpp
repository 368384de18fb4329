// MACRec before any training: tokens, tasks, packing, the order of an epoch, the two lists made one.
#include <map>
#include <set>

#include "genrec/macrec/batches.h"
#include "genrec/macrec/ensemble.h"
#include "tests/catch.h"

using namespace genrec;
using namespace genrec::macrec;
using Ints = std::vector<int32_t>;

namespace {

// Two users over five items; the second has nothing held out and one training interaction only.
Dataset hand_made() {
  Dataset data;
  data.user_ids = {"u", "v"};
  data.item_ids = {"0", "1", "2", "3", "4"};
  data.items = {3, 1, 4, 0, 2, /* v */ 4};
  data.bounds = {0, 3, 4, 5, 6, 6, 6};
  data.ordered = true;
  return data;
}

// Textual identifiers of two levels (10 codes, 20 codes), visual ones of three levels of 5 codes.
SpokenIdentifiers hand_made_identifiers() {
  SpokenIdentifiers spoken;
  spoken[Language::textual] = {.levels = 2, .sizes = {10, 20}, .codes = {0, 10, 1, 11, 2, 12, 3, 13, 4, 14}};
  spoken[Language::visual] = {.levels = 3, .sizes = {5, 5, 5}, .codes = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}};
  return spoken;
}

const std::vector<Task> kAll = tasks_named({"seqrec", "seqimage", "item2image", "image2item", "seqimage2item", "seqitem2image"});

Ints history_of(const Sample& sample) { return {sample.history.begin(), sample.history.end()}; }

}  // namespace

TEST_CASE("tokens of prompts, levels and languages are disjoint and in the agreed order", "[macrec]") {
  const TokenLayout layout(4, {256, 256, 256, 256}, {256, 256, 256, 256});
  CHECK(layout.size() == 2066);
  CHECK(layout.prompt(0) == 2);
  CHECK(layout.prompt(3) == 14);
  CHECK(layout.level_begin(Language::textual, 0) == 18);
  CHECK(layout.level_begin(Language::textual, 3) == 18 + 768);
  CHECK(layout.level_begin(Language::visual, 0) == 18 + 1024);
  CHECK(layout.levels(Language::visual) == 4);
  const TokenLayout text_only(0, {7, 3}, {});
  CHECK(text_only.size() == 12);
  CHECK(text_only.levels(Language::visual) == 0);
}

TEST_CASE("tasks are known by name", "[macrec]") {
  CHECK(prompts_of(kAll) == 4);
  CHECK(prompts_of(tasks_named({"seqrec"})) == 0);
  CHECK_FALSE(speaks(tasks_named({"seqrec"}), Language::visual));
  CHECK(speaks(tasks_named({"seqrec", "item2image"}), Language::visual));
  CHECK_THAT(tests::error_of([] { tasks_named({"seqrex"}); }), tests::Contains("did you mean 'seqrec'?"));
  CHECK_THAT(tests::error_of([] { tasks_named({"seqrec", "seqrec"}); }), tests::Contains("seqrec stands twice; name it once"));
  CHECK_THAT(tests::error_of([] { tasks_named({}); }), tests::Contains("give at least one, for example seqrec"));
  CHECK_THAT(tests::error_of([] { language_named("audio"); }), tests::Contains("there are no 'audio' ones; give textual or visual"));
}

TEST_CASE("samples are the prefixes of training histories and all items, task by task", "[macrec]") {
  const Dataset data = hand_made();
  const Samples samples(data, kAll, 20, 1);
  REQUIRE(samples.size() == 2 + 2 + 5 + 5 + 2 + 2);  // u's training part 3, 1, 4 has two prefixes
  const Sample first = samples.at(0, 0), second = samples.at(1, 0), image = samples.at(2, 0);
  CHECK(history_of(first) == Ints{3});
  CHECK(first.item == 1);
  CHECK(history_of(second) == Ints{3, 1});
  CHECK(second.item == 4);
  CHECK(second.prompt == -1);
  CHECK(second.history.data() == data.items.data());  // a range, not a copy
  CHECK((first.source == Language::textual && first.target == Language::textual));
  CHECK((image.source == Language::visual && image.target == Language::visual));
  const Sample to_image = samples.at(4 + 3, 0), to_text = samples.at(9 + 1, 0);
  CHECK((to_image.of_items && to_image.prompt == 0 && to_image.item == 3 && history_of(to_image) == Ints{3}));
  CHECK((to_image.source == Language::textual && to_image.target == Language::visual));
  CHECK((to_text.of_items && to_text.prompt == 1 && to_text.item == 1));
  CHECK((to_text.source == Language::visual && to_text.target == Language::textual));
  CHECK((samples.at(15, 0).prompt == 2 && samples.at(15, 0).source == Language::visual && samples.at(15, 0).item == 4));
  CHECK((samples.at(17, 0).prompt == 3 && samples.at(17, 0).source == Language::textual && !samples.at(17, 0).of_items));
}

TEST_CASE("a history holds the most recent items; held-out samples read all that came before", "[macrec]") {
  const Dataset data = hand_made();
  const Samples samples(data, tasks_named({"seqrec"}), 1, 1);
  CHECK(history_of(samples.at(1, 0)) == Ints{1});
  const Samples long_ones(data, tasks_named({"seqrec"}), 20, 1);
  const Sample valid = long_ones.held_out(0, Split::valid, Task::seqrec), test = long_ones.held_out(0, Split::test, Task::seqrec);
  CHECK((history_of(valid) == Ints{3, 1, 4} && valid.item == 0));
  CHECK((history_of(test) == Ints{3, 1, 4, 0} && test.item == 2));
}

TEST_CASE("fusionseqrec draws one of two directions anew every epoch", "[macrec]") {
  Dataset data = hand_made();
  data.user_ids = {"u"};
  data.items.assign(201, 0);
  data.bounds = {0, 201, 201, 201};
  const Samples samples(data, tasks_named({"seqrec", "fusionseqrec"}), 20, 1);
  REQUIRE(samples.size() == 400);
  int from_images = 0, changed = 0;
  for (int i = 200; i < 400; ++i) {
    const Sample now = samples.at(i, 0), later = samples.at(i, 1);
    REQUIRE(now.source != now.target);
    REQUIRE(now.prompt == 0);
    from_images += now.source == Language::visual;
    changed += now.source != later.source;
  }
  CHECK((from_images > 70 && from_images < 130));
  CHECK((changed > 70 && changed < 130));
}

TEST_CASE("data without a second training interaction cannot be trained on", "[macrec]") {
  Dataset data = hand_made();
  data.user_ids = {"v"};
  data.items = {4};
  data.bounds = {0, 1, 1, 1};
  CHECK_THAT(tests::error_of([&] { Samples(data, tasks_named({"seqrec"}), 20, 1); }),
             tests::Contains("training: no user has two training interactions; a larger data set is needed"));
}

TEST_CASE("a batch is packed: prompt, identifiers and END to read; PAD, identifier and END to say", "[macrec]") {
  const Dataset data = hand_made();
  const Samples samples(data, kAll, 20, 1);
  const ItemTokens tokens(kAll, hand_made_identifiers());
  // 18 tokens of prompts and specials; textual levels from 18 and 28, visual ones from 48, 53, 58.
  const Sample chosen[] = {samples.at(1, 0), samples.at(17, 0)};
  const Batch batch = pack(chosen, tokens);
  CHECK(batch.sequences() == 2);
  CHECK(batch.sources.to_vector<int32_t>() == Ints{18 + 3, 28 + 13, 18 + 1, 28 + 11, 1,  // T(3) T(1) END
                                                   14, 15, 16, 17, 21, 41, 19, 39, 1});  // prompt 3, the same
  CHECK(batch.source_offsets.to_vector<int32_t>() == Ints{0, 5, 14});
  CHECK(batch.inputs.to_vector<int32_t>() == Ints{0, 22, 42, 0, 52, 57, 62});
  CHECK(batch.targets.to_vector<int32_t>() == Ints{22, 42, 1, 52, 57, 62, 1});
  CHECK(batch.target_offsets.to_vector<int32_t>() == Ints{0, 3, 7});
  CHECK(target_tokens(chosen, tokens) == 7);
}

TEST_CASE("an epoch visits every sample once", "[macrec]") {
  const Dataset data = hand_made();
  const Samples samples(data, kAll, 20, 1);
  const Sampler sampler(samples, 7, 1);
  REQUIRE(sampler.steps() == 3);  // 7 + 7 + 4
  std::vector<std::vector<int32_t>> orders;
  for (const int64_t epoch : {0, 1}) {
    std::map<std::tuple<int, int, int, size_t>, int> seen;
    Ints order;
    for (int64_t step = 0; step < 3; ++step) {
      const std::vector<Sample> some = sampler.step(epoch, step);
      CHECK(some.size() == (step < 2 ? 7u : 4u));
      for (const Sample& sample : some) {
        order.push_back(sample.item);
        ++seen[{sample.prompt, index_of(sample.source), sample.item, sample.history.size()}];
      }
    }
    CHECK(seen.size() == 18);
    orders.push_back(order);
  }
  CHECK(orders[0] != orders[1]);
}

TEST_CASE("items to align are distinct: those of the item tasks, or drawn", "[macrec]") {
  const Dataset data = hand_made();
  const Samples samples(data, kAll, 20, 1);
  // item2image of 3, seqrec, image2item of 3 and of 0
  const Sample chosen[] = {samples.at(4 + 3, 0), samples.at(0, 0), samples.at(9 + 3, 0), samples.at(9, 0)};
  CHECK(items_to_align(chosen, 0, 5, tensor::Random(1, "test")) == Ints{0, 3});
  CHECK(items_to_align({}, 3, 5, tensor::Random(1, "test")).size() == 3);
  CHECK(items_to_align({}, 9, 5, tensor::Random(1, "test")) == Ints{0, 1, 2, 3, 4});
}

TEST_CASE("two lists become one", "[macrec]") {
  const std::vector<RankedItem> textual{{0, -0.5f}, {1, -0.8f}, {2, -2.0f}}, visual{{3, -0.6f}, {1, -1.0f}};  // A B C; D B
  const auto merged = [&](Ensemble rule) {
    std::vector<std::pair<int, double>> list;
    for (const RankedItem& entry : merge_lists(textual, visual, rule, 1.0)) list.emplace_back(entry.item, entry.score);
    return list;
  };
  const auto same = [](const auto& found, const std::vector<std::pair<int, double>>& wanted) {
    REQUIRE(found.size() == wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      CHECK(found[i].first == wanted[i].first);
      CHECK(found[i].second == Approx(wanted[i].second));
    }
  };
  same(merged(Ensemble::avg_bonus), {{1, 0.1}, {0, -0.5}, {3, -0.6}, {2, -2.0}});
  same(merged(Ensemble::avg), {{0, -0.75}, {1, -0.9}, {3, -1.3}, {2, -1.5}});
  same(merged(Ensemble::text), {{0, -0.5}, {1, -0.8}, {2, -2.0}});
  same(merged(Ensemble::image), {{3, -0.6}, {1, -1.0}});
  CHECK(merge_lists({}, visual, Ensemble::avg, 1.0).size() == 2);
  CHECK(merge_lists({}, {}, Ensemble::avg_bonus, 1.0).empty());
}
