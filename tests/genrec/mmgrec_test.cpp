// MMGRec on planted data: what its parts promise, and whole runs: same bits for any thread count, after an interruption and a
// resume, and learning that beats popularity.
#include <atomic>
#include <cmath>
#include <map>
#include <set>

#include "genrec/baselines/counting_systems.h"
#include "genrec/data/synth.h"
#include "genrec/interrupt.h"
#include "genrec/log.h"
#include "genrec/mmgrec/stages.h"
#include "genrec/mmgrec/system.h"
#include "genrec/run.h"
#include "nn/adam.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tests/catch.h"
#include "tests/genrec/interrupter.h"

using namespace genrec;
using tensor::Tensor;

namespace {

const Dataset& tiny() {
  static const Dataset dataset = make_synthetic(synth_preset("tiny")).dataset;
  return dataset;
}

// A small untrained Transformer with random vectors and identifiers of three levels and a popularity token.
struct Small {
  mmgrec::TransformerOptions options;
  nn::Parameters parameters{3};
  ItemIdentifiers identifiers;
  std::unique_ptr<Vocabulary> vocabulary;
  std::unique_ptr<mmgrec::Recommender> recommender;
  mmgrec::TokenTable tokens;

  explicit Small(const std::string& position = "relation") {
    options.position = position;
    options.layers = 2, options.heads = 2, options.feed_forward = 16, options.history = 8;
    const int64_t items = tiny().item_count(), users = tiny().users();
    tensor::Generator rng(5, "test");
    Tensor item_vectors({items, 16}), user_vectors({users, 16});
    for (float& x : item_vectors.span<float>()) x = static_cast<float>(rng.normal());
    for (float& x : user_vectors.span<float>()) x = static_cast<float>(rng.normal());
    ItemIdentifiers semantic;
    semantic.levels = 3, semantic.sizes = {8, 8, 8};
    for (int64_t i = 0; i < 3 * items; ++i) semantic.codes.push_back(static_cast<int32_t>(rng.below(8)));
    identifiers = assign_identifiers(semantic, tiny().train_counts());
    vocabulary = std::make_unique<Vocabulary>(Vocabulary::Layout::disjoint, identifiers.sizes);
    recommender = std::make_unique<mmgrec::Recommender>(parameters, options, item_vectors, user_vectors, vocabulary->size(), 5);
    tokens = mmgrec::token_table(identifiers, Trie(identifiers), *vocabulary);
  }
};

mmgrec::Batch reversed_histories(const mmgrec::Batch& batch) {
  mmgrec::Batch other = batch;
  other.history = batch.history.clone();
  const auto offsets = batch.history_offsets.span<int32_t>();
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    std::reverse(other.history.data<int32_t>() + offsets[s], other.history.data<int32_t>() + offsets[s + 1]);
  }
  return other;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) largest = std::max<double>(largest, std::fabs(a.data<float>()[i] - b.data<float>()[i]));
  return largest;
}

const std::vector<std::pair<std::string, std::string>> kShort = {
    {"preset", "tiny"}, {"graph-epochs", "3"}, {"rq-epochs", "3"}, {"epochs", "3"}, {"patience", "2"}};

void train_short(const std::string& out, const std::string& model = "mmgrec", bool resume = false,
                 const std::vector<std::pair<std::string, std::string>>& settings = kShort) {
  const auto system = make_system(model);
  OptionTable table;
  system->describe(table);
  std::vector<Assignment> assignments;
  for (const auto& [name, text] : settings) assignments.push_back({name, text, "--" + name, "test"});
  table.apply(assignments);
  RunOptions options;
  options.model = model, options.data = "tiny", options.out = out;
  options.resume = resume;
  train_run(*system, table, options, tiny());
}

std::string final_checkpoint(const std::string& run) { return tensor::read_file(run + "/recommend.safetensors"); }

}  // namespace

TEST_CASE("the order of the history does not matter to the relation-aware encoder", "[mmgrec]") {
  for (const bool ordered : {false, true}) {
    const Small small(ordered ? "default" : "relation");
    mmgrec::Sampler sampler(tiny(), small.tokens, small.options, 64, 1);
    sampler.begin_epoch(0);
    const mmgrec::Batch batch = sampler.batch(0);
    const double difference = largest_difference(small.recommender->logits(batch, {}).value(),
                                                 small.recommender->logits(reversed_histories(batch), {}).value());
    if (ordered) CHECK(difference > 1e-3);
    else CHECK(difference < 1e-4);
  }
}

TEST_CASE("decoding step by step gives the scores of the whole sequence, packed to the same bits", "[mmgrec]") {
  const Small small;
  mmgrec::Sampler sampler(tiny(), small.tokens, small.options, 7, 1);
  sampler.begin_epoch(0);
  const mmgrec::Batch batch = sampler.batch(0);
  const Tensor whole = small.recommender->logits(batch, {}).value();
  const int64_t sequences = batch.sequences(), length = small.tokens.length, width = small.recommender->user_vectors().columns();
  Tensor users({sequences, width});
  for (int64_t s = 0; s < sequences; ++s) {
    const float* row = small.recommender->user_vectors().data<float>() + batch.users.data<int32_t>()[s] * width;
    std::copy(row, row + width, users.data<float>() + s * width);
  }
  const mmgrec::Recommender packed = small.recommender->packed();
  const auto memory = small.recommender->encode(batch.history, batch.history_offsets, users);
  const auto packed_memory = packed.encode(batch.history, batch.history_offsets, users);
  mmgrec::Recommender::State state, packed_state;
  std::vector<int32_t> rows(sequences), reversed(sequences);
  for (int64_t s = 0; s < sequences; ++s) rows[s] = static_cast<int32_t>(s), reversed[s] = static_cast<int32_t>(sequences - 1 - s);
  // Every step turns the order of the rows round, so that the cached keys must follow their beams.
  for (int64_t t = 0; t < length; ++t) {
    const std::vector<int32_t>& owner = t % 2 == 0 ? rows : reversed;
    std::vector<int32_t> tokens(sequences);
    for (int64_t r = 0; r < sequences; ++r) tokens[r] = batch.inputs.data<int32_t>()[owner[r] * length + t];
    const auto scores = small.recommender->step(state, memory, Tensor::from(tokens), Tensor::from(reversed),
                                                 Tensor::from(owner));
    const auto again = packed.step(packed_state, packed_memory, Tensor::from(tokens), Tensor::from(reversed), Tensor::from(owner));
    CHECK(again.logits.to_vector<float>() == scores.logits.to_vector<float>());
    for (int64_t r = 0; r < sequences; ++r) {
      const float* expected = whole.data<float>() + (owner[r] * length + t) * whole.columns();
      double largest = 0;
      for (int64_t c = 0; c < whole.columns(); ++c) {
        largest = std::max<double>(largest, std::fabs(expected[c] - scores.logits.data<float>()[r * whole.columns() + c]));
      }
      CHECK(largest < 1e-4);
    }
  }
  const autograd::Tape tape;
  CHECK_THAT(tests::error_of([&] { packed.loss(batch, {}); }), tests::Contains("is packed and does not learn"));
}

TEST_CASE("the Transformer learns one batch by heart", "[mmgrec]") {
  Small small;
  small.options.dropout = 0;
  mmgrec::Sampler sampler(tiny(), small.tokens, small.options, 32, 1);
  sampler.begin_epoch(0);
  const mmgrec::Batch batch = sampler.batch(0);
  nn::Adam adam;
  adam.set_learning_rate(1e-2);
  double first = 0, last = 0;
  for (int step = 0; step < 80; ++step) {
    small.parameters.clear_gradients();
    autograd::Tape tape;
    const auto loss = small.recommender->loss(batch, {});
    last = loss.value().item();
    if (step == 0) first = last;
    tape.backward(loss);
    adam.step(small.parameters);
  }
  CHECK(first > 1);
  CHECK(last < 0.3 * first);
}

TEST_CASE("histories leave the target out, keep at most N items and are drawn anew every epoch", "[mmgrec]") {
  Small small;
  small.options.history = 4;
  mmgrec::Sampler sampler(tiny(), small.tokens, small.options, 1, 1);
  std::vector<int32_t> first_epoch;
  bool differs = false;
  for (int64_t epoch : {0, 1}) {
    const int64_t batches = sampler.begin_epoch(epoch);
    for (int64_t i = 0; i < batches; ++i) {
      const mmgrec::Batch batch = sampler.batch(i);
      const auto history = batch.history.to_vector<int32_t>();
      REQUIRE(history.size() <= 4);
      REQUIRE(!history.empty());
      REQUIRE(std::is_sorted(history.begin(), history.end()));
      std::vector<int32_t> codes;
      for (int l = 0; l < 4; ++l) codes.push_back(small.vocabulary->code(l, batch.targets.data<int32_t>()[l]));
      const Trie trie(small.identifiers);
      const int32_t target = trie.items_under(4, trie.find(codes))[0];
      REQUIRE(std::find(history.begin(), history.end(), target) == history.end());
      if (i > 20) break;
    }
    sampler.begin_epoch(epoch);
    const auto now = sampler.batch(0).history.to_vector<int32_t>();
    if (epoch == 0) first_epoch = now;
    else differs = now != first_epoch;
  }
  CHECK(differs);
}

TEST_CASE("targets per user and epoch are capped and drawn anew", "[mmgrec]") {
  Small small;
  small.options.samples_per_user = 3;
  mmgrec::Sampler sampler(tiny(), small.tokens, small.options, 1, 1);
  std::vector<std::multiset<std::vector<int32_t>>> targets(2);
  for (int64_t epoch : {0, 1}) {
    std::map<int32_t, int> count;
    const int64_t batches = sampler.begin_epoch(epoch);
    for (int64_t i = 0; i < batches; ++i) {
      const mmgrec::Batch batch = sampler.batch(i);
      ++count[batch.users.data<int32_t>()[0]];
      targets[epoch].insert(batch.targets.to_vector<int32_t>());
    }
    CHECK(static_cast<int64_t>(count.size()) == tiny().users());
    for (const auto& [user, n] : count) CHECK(n == 3);
  }
  CHECK(targets[0] != targets[1]);
}

TEST_CASE("a run is the same bits for 1, 2 and 7 threads", "[mmgrec][run]") {
  std::string expected;
  for (int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    const tests::TemporaryFolder folder;
    train_short(folder / "run");
    const std::string bytes = final_checkpoint(folder / "run");
    if (expected.empty()) expected = bytes;
    CHECK(bytes == expected);
  }
  tensor::set_threads(0);
}

TEST_CASE("an interrupted run resumes to the same bytes", "[mmgrec][run]") {
  const std::string rounds = GENERATE("1", "2");
  auto settings = kShort;
  settings.push_back({"rounds", rounds});
  const tests::TemporaryFolder folder;
  train_short(folder / "whole", "mmgrec", false, settings);
  // In the graph, the quantiser or the Transformer, of the first round and of the second.
  for (const int at : rounds == "1" ? std::vector{2, 40, 75} : std::vector{2, 40, 60, 80, 110}) {
    CAPTURE(rounds, at);
    const std::string out = folder / ("cut-" + std::to_string(at));
    tests::Interrupter interrupter(at);
    set_progress(&interrupter);
    std::string message;
    try {
      train_short(out, "mmgrec", false, settings);
    } catch (const tensor::Error& error) {
      CHECK(error.fault() == tensor::Fault::interrupted);
      message = error.what();
    }
    set_progress(nullptr);
    clear_interrupt();
    REQUIRE_THAT(message, Catch::Contains("--resume"));
    train_short(out, "mmgrec", /*resume=*/true, settings);
    for (const char* file : {"graph", "quantizer", "representations", "recommend"}) {
      CAPTURE(file);
      const std::string name = std::string("/") + file + ".safetensors";
      CHECK(tensor::read_file(out + name) == tensor::read_file((folder / "whole") + name));
    }
  }
}

TEST_CASE("every variant and profile trains and ranks", "[mmgrec][run]") {
  for (const char* variant : {"id_wo", "emb_wo", "hkmeans", "random_last", "default_pe", "wo_pe"}) {
    INFO(variant);
    const tests::TemporaryFolder folder;
    auto settings = kShort;
    settings.push_back({"variant", variant});
    train_short(folder / "run", "mmgrec", false, settings);
    Run run(folder / "run");
    const int cutoffs[] = {10};
    const Evaluation evaluation = evaluate(*run.load(tiny()), tiny(), Split::test, cutoffs);
    CHECK(evaluation.metrics.users.size() > 50);
    for (float value : evaluation.metrics.values) CHECK((value >= 0 && value <= 1));
  }
  for (const char* profile : {"paper", "release"}) {
    INFO(profile);
    const tests::TemporaryFolder folder;
    auto settings = kShort;
    settings.push_back({"profile", profile});
    settings.push_back({"rounds", "2"});
    train_short(folder / "run", "mmgrec", false, settings);
    CHECK(file_exists(folder / "run/recommend.safetensors"));
  }
}

TEST_CASE("items known by word lists alone can be trained on", "[mmgrec][run]") {
  SynthOptions options = synth_preset("tiny");
  options.words = true, options.visual_dim = 0, options.acoustic_dim = 0;
  const Dataset worded = make_synthetic(options).dataset;
  REQUIRE(worded.features.empty());
  REQUIRE(!worded.words.empty());
  nn::Parameters parameters(1);
  const mmgrec::GraphEncoder encoder(parameters, {.width = 8}, worded);
  autograd::Tape tape;
  TripleSampler triples(worded, 1, true, 50, 1);
  triples.begin_epoch(0);
  tape.backward(encoder.bpr(encoder.forward({}), triples.batch(0)));
  for (const nn::Parameter& parameter : parameters) {
    INFO(parameter.name);
    CHECK(parameter.var.grad().defined());
  }
}

TEST_CASE("MMGRec finds the planted structure", "[mmgrec][run][slow]") {
  const tests::TemporaryFolder folder;
  train_short(folder / "run", "mmgrec", false, {{"preset", "tiny"}});
  train_short(folder / "popularity", "popularity", false, {});
  const int cutoffs[] = {10};
  const auto recall = [&](const std::string& path) {
    Run run(path);
    return evaluate(*run.load(tiny()), tiny(), Split::test, cutoffs).metrics.mean("Recall@10");
  };
  const double ours = recall(folder / "run"), popularity = recall(folder / "popularity");
  INFO("MMGRec " << ours << ", popularity " << popularity);
  CHECK(ours > 1.5 * popularity);
}

TEST_CASE("a run refuses other data and other stages", "[mmgrec][run]") {
  const tests::TemporaryFolder folder;
  train_short(folder / "run");
  CHECK_THAT(tests::error_of([&] { train_short(folder / "run"); }), Catch::Contains("holds a run already; use --resume"));
  SynthOptions options = synth_preset("tiny");
  options.seed = 2;
  const Dataset other = make_synthetic(options).dataset;
  CHECK_THAT(tests::error_of([&] { Run(folder / "run").load(other); }), Catch::Contains("was made from other data"));
  CHECK_THAT(tests::error_of([&] { Run(folder / "nothing"); }), Catch::Contains("is not the folder of a run"));
  CHECK_THAT(tests::error_of([] { make_system("mmgrek"); }), Catch::Contains("did you mean 'mmgrec'?"));
}
