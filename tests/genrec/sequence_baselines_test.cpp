// Baselines that read items in order: what they count, what they are trained on, and that they learn an order.
#include <algorithm>
#include <set>

#include "genrec/baselines/counting_systems.h"
#include "genrec/baselines/sequence_batches.h"
#include "genrec/run.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tests/catch.h"

using namespace genrec;
using namespace genrec::baselines;
using Ints = std::vector<int32_t>;

namespace {

Dataset of_sequences(const std::vector<Ints>& users, int items) {  // leave-one-out
  Dataset d;
  for (const Ints& sequence : users) {
    d.user_ids.push_back("u" + std::to_string(d.users()));
    d.items.insert(d.items.end(), sequence.begin(), sequence.end());
    const int64_t end = d.interactions();
    d.bounds.insert(d.bounds.end(), {end - 2, end - 1, end});
  }
  for (int item = 0; item < items; ++item) d.item_ids.push_back("i" + std::to_string(item));
  d.ordered = true;
  d.split_protocol = "leave-one-out";
  return d;
}

// Item i is always followed by i + 5 modulo 17, which neither popularity nor sets of items tell.
const Dataset& cycle() {
  static const Dataset data = [] {
    std::vector<Ints> users;
    for (int user = 0; user < 68; ++user) {
      Ints sequence;
      for (int i = 0; i < 4 + user % 5; ++i) sequence.push_back((user + 5 * i) % 17);
      users.push_back(sequence);
    }
    return of_sequences(users, 17);
  }();
  return data;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

void train(const std::string& out, const std::string& model, const Settings& settings, const Dataset& data = cycle()) {
  const auto system = make_system(model);
  OptionTable table;
  system->describe(table);
  for (const auto& [name, value] : settings) table.set(name, value);
  RunOptions options;
  options.model = model, options.data = "cycle", options.out = out;
  train_run(*system, table, options, data);
}

double ndcg(const std::string& run, const Dataset& data = cycle()) {
  const int cutoffs[] = {5};
  return evaluate(*Run(run).load(data), data, Split::test, cutoffs, false).metrics.mean("NDCG@5");
}

const Settings kQuick = {{"width", "16"},  {"layers", "1"},  {"dropout", "0"}, {"learning-rate", "0.01"},
                         {"batch", "16"}, {"epochs", "80"}, {"patience", "0"}};

Ints ints(const Tensor& tensor) { return tensor.to_vector<int32_t>(); }

}  // namespace

TEST_CASE("nextitem adds the followers of the latest items and then goes by popularity", "[sequence]") {
  // In training 0 is followed by 1 twice and by 2 once, 3 by 2 once; 4 is the most popular item of the rest.
  const Dataset data = of_sequences({{0, 1, 9, 9}, {0, 1, 9, 9}, {0, 2, 9, 9}, {3, 2, 9, 9}, {4, 9, 9}, {4, 9, 9}, {5, 9, 9}}, 10);
  const tests::TemporaryFolder folder;
  train(folder / "run", "nextitem", {}, data);
  const auto model = Run(folder / "run").load(data);
  const auto listed = [&](const Ints& sequence) {
    const Query query{.sequence = sequence};
    const Ranking ranking = model->rank(std::span(&query, 1), 6);
    return std::pair(ranking.items, ranking.scores);
  };
  const auto [items, scores] = listed({3, 0});  // 1: 2, 2: 1 + 0.5; then by popularity: 0 (3), 4 (2), 3 and 5 (1 each)
  CHECK(items == Ints{1, 2, 0, 4, 3, 5});
  CHECK(scores[0] == Approx(2).margin(0.13));
  CHECK(scores[1] == Approx(1.5).margin(0.13));
  CHECK(scores[2] < 0.25);
  CHECK(listed({0, 6, 7, 8}).first[0] == 0);  // 0 is four back and no longer counts: popularity alone
  CHECK(listed({0, 6, 7}).second[0] == Approx(0.25 * 2).margin(0.13));
  CHECK(listed({}).first[0] == 0);
}

TEST_CASE("itemknn recommends from the known items where they are in order, from training items otherwise", "[sequence]") {
  Dataset data = of_sequences({{0, 1, 2, 3}, {0, 1, 4, 5}, {2, 3, 9, 9}, {2, 3, 9, 9}, {6, 2, 7}}, 10);
  const tests::TemporaryFolder folder;
  const Ints training{6}, known{2, 6};
  const Query query{.history = training, .sequence = known};
  const auto first = [&](const char* name, const Settings& settings) {
    train(folder / name, "itemknn", settings, data);
    const Ranking ranking = Run(folder / name).load(data)->rank(std::span(&query, 1), 1);
    return ranking.scores[0] > 0 ? ranking.items[0] : -1;
  };
  CHECK(first("auto", {}) == 3);  // by way of item 2, which stands in the validation
  CHECK(first("training", {{"history", "training"}}) == -1);
  data.ordered = false;
  CHECK(first("unordered", {}) == -1);
  CHECK(first("known", {{"history", "known"}}) == 3);
}

TEST_CASE("next items: a sequence is read in pieces, every item after its first is a target once", "[sequence]") {
  const Dataset data = of_sequences({{0, 1, 2, 3, 4, 5, 6, 8, 8}, {7, 8, 8}, {5, 6, 8, 8}}, 9);
  SequenceSampler sampler(data, {.history = 3, .batch = 2}, -1, 1);
  CHECK(sampler.sequences() == 3);
  std::vector<std::pair<Ints, Ints>> seen;
  for (int64_t i = 0, n = sampler.begin_epoch(0); i < n; ++i) {
    const SequenceBatch batch = sampler.batch(i);
    CHECK_FALSE(batch.rows.defined());
    CHECK_FALSE(batch.negatives.defined());
    const Ints items = ints(batch.items), targets = ints(batch.targets), offsets = ints(batch.offsets);
    for (size_t s = 0; s + 1 < offsets.size(); ++s)
      seen.push_back({Ints(items.begin() + offsets[s], items.begin() + offsets[s + 1]),
                      Ints(targets.begin() + offsets[s], targets.begin() + offsets[s + 1])});
  }
  std::sort(seen.begin(), seen.end());
  CHECK(seen == std::vector<std::pair<Ints, Ints>>{{{0, 1, 2}, {1, 2, 3}}, {{3, 4, 5}, {4, 5, 6}}, {{5}, {6}}});
}

TEST_CASE("hidden items: each piece once at random and once with the last one hidden", "[sequence]") {
  const Dataset data = of_sequences({{0, 1, 2, 3, 4, 9, 9}, {5, 6, 9, 9}}, 10);
  SequenceSampler sampler(data, {.history = 5, .masked = 0.5, .batch = 1}, 10, 1);
  CHECK(sampler.sequences() == 4);
  int last_only = 0;
  for (int64_t i = 0, n = sampler.begin_epoch(3); i < n; ++i) {
    const SequenceBatch batch = sampler.batch(i);
    Ints items = ints(batch.items);
    const Ints rows = ints(batch.rows), targets = ints(batch.targets);
    REQUIRE(!rows.empty());
    CHECK(std::count(items.begin(), items.end(), 10) == static_cast<int64_t>(rows.size()));
    last_only += rows == Ints{static_cast<int32_t>(items.size()) - 1};
    for (size_t r = 0; r < rows.size(); ++r) items[rows[r]] = targets[r];
    CHECK((items == Ints{0, 1, 2, 3, 4} || items == Ints{5, 6}));
  }
  CHECK(last_only >= 2);
}

TEST_CASE("negatives are items that the user does not have", "[sequence]") {
  const Dataset data = of_sequences({{0, 1, 2, 3, 6, 6}}, 6);
  Dataset wide = data;
  wide.items = {0, 1, 2, 3, 4, 5};
  SequenceSampler sampler(wide, {.loss = SequenceLoss::binary}, -1, 1);
  std::set<int32_t> drawn;
  for (int epoch = 0; epoch < 20; ++epoch) {
    sampler.begin_epoch(epoch);
    for (int32_t item : ints(sampler.batch(0).negatives)) drawn.insert(item);
  }
  CHECK(drawn == std::set<int32_t>{4, 5});
}

TEST_CASE("what is known is cut to the latest items, with the hidden one behind", "[sequence]") {
  const Ints one{1, 2, 3, 4}, none, two{5};
  const std::vector<std::span<const int32_t>> sequences{one, none, two};
  const SequenceBatch next = known_sequences(sequences, 3, -1);
  CHECK(ints(next.items) == Ints{2, 3, 4, 5});
  CHECK(ints(next.offsets) == Ints{0, 3, 3, 4});
  CHECK(ints(next.rows) == Ints{2, -1, 3});
  const SequenceBatch hidden = known_sequences(sequences, 3, 9);
  CHECK(ints(hidden.items) == Ints{3, 4, 9, 9, 5, 9});
  CHECK(ints(hidden.rows) == Ints{2, 3, 5});
}

TEST_CASE("SASRec, GRU4Rec and BERT4Rec learn what follows what", "[sequence][run]") {
  const tests::TemporaryFolder folder;
  for (const std::string model : {"sasrec", "gru4rec", "bert4rec"}) {
    train(folder / model, model, kQuick);
    CAPTURE(model);
    CHECK(ndcg(folder / model) > 0.9);
  }
  Settings binary = kQuick;
  binary.push_back({"loss", "binary"});
  train(folder / "binary", "sasrec", binary);
  CHECK(ndcg(folder / "binary") > 0.5);
}

TEST_CASE("sequential training is the same bits for any number of threads", "[sequence][run]") {
  for (const std::string model : {"sasrec", "gru4rec", "bert4rec"}) {
    std::string first;
    for (int threads : {1, 3}) {
      tensor::set_threads(threads);
      const tests::TemporaryFolder folder;
      train(folder / "run", model, {{"width", "16"}, {"epochs", "2"}});
      const std::string bytes = tensor::read_file(folder / "run/train.safetensors");
      if (first.empty()) first = bytes;
      CHECK(bytes == first);
    }
  }
  tensor::set_threads(0);
}

TEST_CASE("sequential models refuse data without order, heads that do not fit, other data", "[sequence]") {
  Dataset data = cycle();
  data.ordered = false;
  const tests::TemporaryFolder folder;
  CHECK_THAT(tests::error_of([&] { train(folder / "a", "sasrec", {}, data); }),
             tests::Contains("the data set has no order, which a sequential model needs"));
  CHECK_THAT(tests::error_of([&] { make_system("nextitem")->plan(data); }), tests::Contains("no order, which nextitem needs"));
  CHECK_THAT(tests::error_of([&] { train(folder / "b", "sasrec", {{"heads", "3"}}); }),
             tests::Contains("--heads 3: does not divide --width 64"));
  train(folder / "c", "gru4rec", {{"epochs", "1"}, {"width", "8"}});
  const Dataset other = of_sequences({{0, 1, 2, 3}}, 17);
  CHECK_THAT(tests::error_of([&] { Run(folder / "c").load(other); }), tests::Contains("was made from other data"));
}
