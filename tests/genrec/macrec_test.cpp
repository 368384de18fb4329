// The generator of the MACRec family on planted data, with identifiers made by k-means: its losses and lists against what they are
// by definition, and whole runs: same bits for any thread count, after an interruption and a resume, learning that beats
// popularity.
#include <cmath>

#include "genrec/data/synth.h"
#include "genrec/evaluate.h"
#include "genrec/interrupt.h"
#include "genrec/log.h"
#include "genrec/macrec/generator_stage.h"
#include "genrec/macrec/identifier_files.h"
#include "genrec/macrec/identifier_stage.h"
#include "genrec/run.h"
#include "quant/hierarchical_kmeans.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tests/catch.h"
#include "tests/genrec/interrupter.h"

using namespace genrec;
using namespace genrec::macrec;
using tensor::Tensor;

namespace {

Dataset make_ordered(SynthOptions options) {
  options.ordered = true;
  return make_synthetic(options).dataset;
}

// So few interactions that an epoch takes a blink.
const Dataset& small() {
  static const Dataset dataset = [] {
    SynthOptions options = synth_preset("tiny");
    options.users = 40, options.items = 100, options.min_interactions = 5, options.max_interactions = 9;
    return make_ordered(options);
  }();
  return dataset;
}

// Three levels of eight codes from the features; items may share an identifier.
SpokenIdentifiers by_kmeans(const Dataset& data = small()) {
  SpokenIdentifiers result;
  for (const Language language : kLanguages) {
    const Tensor codes = quant::hierarchical_kmeans(data.features.at(name_of(language)).values, {.branches = {8, 8, 8}, .kmeans = {}});
    result[language] = {.levels = 3, .sizes = {8, 8, 8}, .codes = codes.to_vector<int32_t>()};
  }
  return result;
}

// The option that names files with these identifiers, in a folder.
std::string given_ids(const tests::TemporaryFolder& folder, const Dataset& data) {
  const SpokenIdentifiers identifiers = by_kmeans(data);
  std::string list;
  for (const Language language : kLanguages) {
    const std::string file = folder / identifier_file(name_of(language));
    write_identifiers(file, identifiers[language], data.item_ids);
    list += (list.empty() ? "" : ",") + std::string(name_of(language)) + "=" + file;
  }
  return list;
}

void train(const std::string& out, const std::string& model, const Settings& settings, bool resume = false,
           const Dataset& data = small()) {
  const tests::TemporaryFolder folder;
  const auto system = make_system(model);
  OptionTable table;
  system->describe(table);
  std::vector<Assignment> assignments{{"preset", "tiny", "--preset", "test"}, {"ids", given_ids(folder, data), "--ids", "test"}};
  for (const auto& [name, text] : settings) assignments.push_back({name, text, "--" + name, "test"});
  table.apply(assignments);
  RunOptions options;
  options.model = model, options.data = "tiny", options.out = out, options.resume = resume;
  train_run(*system, table, options, data);
}

// Seconds matter: one narrow layer, two epochs.
const Settings kShort = {{"layers", "1"}, {"width", "16"}, {"heads", "2"}, {"head-width", "8"}, {"feed-forward", "32"},
                         {"epochs", "3"}, {"batch", "128"}, {"micro-batch", "50"}};

Settings with(Settings settings, const Settings& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

GeneratorOptions small_options() {
  GeneratorOptions options;
  options.layers = 1, options.heads = 2, options.head_width = 8, options.width = 16, options.feed_forward = 32;
  options.dropout = 0;
  return options;
}

std::string final_checkpoint(const std::string& run) { return tensor::read_file(run + "/generator.safetensors"); }

Evaluation evaluated(const std::string& path, const Dataset& data) {
  const int cutoffs[] = {1, 5, 10};
  return evaluate(*Run(path).load(data), data, Split::test, cutoffs);
}

}  // namespace

TEST_CASE("parts of a step add up to the whole", "[macrec]") {
  GeneratorOptions options = small_options();
  options.implicit_weight = 0.5;
  std::vector<Tensor> whole;
  double whole_loss = 0;
  for (const int micro_batch : {1000, 7}) {
    options.micro_batch = micro_batch;
    Model model(options, by_kmeans(), 3);
    const Samples samples(small(), model.tasks(), 20, 1);
    const std::vector<Sample> step = Sampler(samples, 90, 1).step(0, 0);
    const std::vector<int32_t> aligned = items_to_align(step, 0, 0, tensor::Random(1, "test"));
    REQUIRE(aligned.size() >= 2);
    StepLoss loss(model.transformer(), model.tokens(), options);
    loss.begin(loss.prepare(step, aligned));
    const int64_t parts = loss.parts();
    CHECK(parts == (micro_batch == 7 ? 14 : 2));
    double sum = 0;
    for (int64_t part = 0; part < parts; ++part) {
      autograd::Tape tape;
      const Var value = loss.part(part, {.training = true});
      sum += value.value().item();
      tape.backward(value);
    }
    if (whole.empty()) {
      whole_loss = sum;
      for (const nn::Parameter& parameter : model.parameters()) whole.push_back(parameter.var.grad().clone());
      continue;
    }
    CHECK(sum == Approx(whole_loss).epsilon(1e-5));
    size_t at = 0;
    for (const nn::Parameter& parameter : model.parameters()) {
      double difference = 0, size = 0;
      for (int64_t i = 0; i < whole[at].size(); ++i) {
        const double x = whole[at].data<float>()[i];
        difference = tests::larger(difference, std::abs(x - parameter.var.grad().data<float>()[i])), size = std::max(size, std::abs(x));
      }
      INFO(parameter.name);
      CHECK(difference <= 1e-4 * size);
      ++at;
    }
  }
}

TEST_CASE("implicit alignment is InfoNCE both ways over the means of the encoder's output", "[macrec]") {
  Model model(small_options(), by_kmeans(), 3);
  const std::vector<int32_t> items{4, 7, 99};
  const double found = alignment_loss(model.transformer(), align_items(items, model.tokens()), 0.1, {}).value().item();
  std::vector<std::vector<double>> vectors[2];
  for (const Language language : kLanguages) {
    for (const int32_t item : items) {
      std::vector<int32_t> source;
      append_source({&item, 1}, language, -1, model.tokens(), source);
      CHECK(source.size() == 4);
      const Tensor h = model.transformer().encode(Tensor::from(source), Tensor::from(std::vector<int32_t>{0, 4}), {}).value();
      std::vector<double> mean(h.columns(), 0);
      for (int64_t i = 0; i < h.size(); ++i) mean[i % h.columns()] += h.data<float>()[i] / 4;
      double norm = 0;
      for (const double x : mean) norm += x * x;
      for (double& x : mean) x /= std::sqrt(norm);
      vectors[index_of(language)].push_back(mean);
    }
  }
  const auto cosine = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  double wanted = 0;
  for (size_t i = 0; i < 3; ++i) {
    double row = 0, column = 0;
    for (size_t j = 0; j < 3; ++j) {
      row += std::exp(cosine(vectors[0][i], vectors[1][j]) / 0.1), column += std::exp(cosine(vectors[0][j], vectors[1][i]) / 0.1);
    }
    wanted += (std::log(row) + std::log(column) - 2 * cosine(vectors[0][i], vectors[1][i]) / 0.1) / 3;
  }
  CHECK(found == Approx(wanted).epsilon(1e-4));
}

TEST_CASE("a list holds the likeliest identifiers with their mean log-probability, END included", "[macrec]") {
  GeneratorOptions options = small_options();
  options.beam = 1000;  // more than there are: every item is scored
  options.tasks = {"seqrec"};
  SpokenIdentifiers textual = by_kmeans();
  textual[Language::visual] = {};
  Model model(options, textual, 3);
  const std::vector<int32_t> sequence{5, 2, 77};
  const Query queries[] = {{.sequence = sequence}};
  const Ranking ranking = model.rank(queries, 1000).ranking;
  const auto items = ranking.of(0);
  REQUIRE(static_cast<int64_t>(items.size()) == small().item_count());
  CHECK(std::is_sorted(ranking.scores.begin(), ranking.scores.begin() + static_cast<int64_t>(items.size()), std::greater<>()));
  for (const size_t rank : {size_t{0}, size_t{1}, items.size() / 2, items.size() - 1}) {
    const Sample sample{.source = Language::textual, .target = Language::textual, .history = sequence, .item = items[rank]};
    const Batch batch = pack(std::span(&sample, 1), model.tokens());
    CHECK(sequence_loss(model.transformer(), batch, {}).value().item() == Approx(-ranking.scores[rank]).epsilon(1e-4));
  }
}

TEST_CASE("lists are the same bits in company and alone, packed and not, for any number of threads", "[macrec][threads]") {
  Model model(small_options(), by_kmeans(), 3);
  std::vector<std::vector<int32_t>> sequences;
  for (int32_t user = 0; user < 70; ++user) {
    sequences.emplace_back();
    for (int32_t i = 0; i <= user % 9; ++i) sequences.back().push_back((user * 7 + i * 13) % 100);
  }
  std::vector<Query> queries;
  for (const std::vector<int32_t>& sequence : sequences) queries.push_back({.sequence = sequence});
  std::vector<int32_t> items;
  std::vector<float> scores;
  for (const Query& query : queries) {
    const Ranking one = model.rank(std::span(&query, 1), 10).ranking;
    items.insert(items.end(), one.items.begin(), one.items.end());
    scores.insert(scores.end(), one.scores.begin(), one.scores.end());
  }
  for (const bool packed : {false, true}) {
    if (packed) model.pack();
    for (const int threads : {1, 2, 7}) {
      tensor::set_threads(threads);
      const Ranking all = model.rank(queries, 10).ranking;
      CHECK(all.items == items);
      CHECK(all.scores == scores);
      const Ranking few = model.rank(std::span(queries).first(5), 10).ranking;
      CHECK(std::equal(few.scores.begin(), few.scores.end(), scores.begin()));
    }
  }
  tensor::set_threads(0);
}

TEST_CASE("seen items stay or go as asked; what is excluded by hand always goes", "[macrec]") {
  GeneratorOptions options = small_options();
  options.beam = 300;
  const std::vector<int32_t> sequence{5, 2, 77}, seen{2, 5, 77}, unwanted{5, 8};
  for (const std::string how : {"none", "leaf", "trie"}) {
    options.exclude_seen = how;
    const Model model(options, by_kmeans(), 3);
    const auto listed = [&](const std::vector<int32_t>& unwanted, int32_t item) {
      const Query queries[] = {{.excluded = seen, .unwanted = unwanted, .sequence = sequence}};
      const Ranking ranking = model.rank(queries, 300).ranking;
      const auto items = ranking.of(0);
      return std::find(items.begin(), items.end(), item) != items.end();
    };
    INFO(how);
    CHECK(listed({}, 5) == (how == "none"));
    CHECK(listed({}, 8));
    CHECK(listed(unwanted, 77) == (how == "none"));
    CHECK_FALSE(listed(unwanted, 5));
    CHECK_FALSE(listed(unwanted, 8));
  }
}

TEST_CASE("a run of the generator is the same bits for 1, 2 and 7 threads", "[macrec][run]") {
  std::string expected;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    const tests::TemporaryFolder folder;
    train(folder / "run", "macrec", kShort);
    const std::string bytes = final_checkpoint(folder / "run");
    if (expected.empty()) expected = bytes;
    CHECK(bytes == expected);
  }
  tensor::set_threads(0);
}

TEST_CASE("an interrupted generator resumes to the same bytes", "[macrec][run]") {
  const tests::TemporaryFolder folder;
  train(folder / "whole", "mql4grec", kShort);
  for (const int at : {1, 6, 10}) {
    const std::string out = folder / ("cut-" + std::to_string(at));
    tests::Interrupter interrupter(at);
    set_progress(&interrupter);
    const std::string message = tests::error_of([&] { train(out, "mql4grec", kShort); });
    set_progress(nullptr);
    clear_interrupt();
    INFO("interrupted at update " << at);
    REQUIRE_THAT(message, tests::Contains("--resume"));
    train(out, "mql4grec", kShort, /*resume=*/true);
    CHECK(final_checkpoint(out) == final_checkpoint(folder / "whole"));
  }
}

TEST_CASE("every model of the family, variant and way of validating trains and ranks", "[macrec][run]") {
  const std::vector<std::pair<std::string, Settings>> runs = {
      {"tiger", {}},
      {"letter", {{"profile", "paper"}}},
      {"tiger", {{"tasks", "seqimage"}}},
      {"mql4grec", {{"validation", "ndcg"}, {"schedule", "constant"}}},
      {"macrec", {{"variant", "no_explicit"}, {"implicit-items", "20"}}},
      {"macrec", {{"variant", "no_implicit"}, {"ensemble", "image"}, {"profile", "release"}}},
      {"macrec", {{"ensemble", "avg"}, {"exclude-seen", "trie"}}}};
  for (const auto& [model, settings] : runs) {
    INFO(model << " " << (settings.empty() ? "" : settings[0].second));
    const tests::TemporaryFolder folder;
    train(folder / "run", model, with(kShort, with({{"epochs", "1"}}, settings)));
    const Evaluation evaluation = evaluated(folder / "run", small());
    CHECK(evaluation.metrics.users.size() == 40);
    for (const char* name : {"HR@1", "HR@5", "HR@10", "NDCG@5", "NDCG@10"}) CHECK(evaluation.metrics.mean(name) >= 0);
  }
}

TEST_CASE("TIGER finds the planted structure", "[macrec][run][slow]") {
  const tests::TemporaryFolder folder;
  SynthOptions options = synth_preset("tiny");
  options.users = 1500;
  const Dataset ordered = make_ordered(options);
  train(folder / "run", "tiger", {{"ids", ""}, {"rq-epochs", "100"}}, false, ordered);
  const double ours = evaluated(folder / "run", ordered).metrics.mean("HR@10");
  INFO("HR@10 " << ours);
  CHECK(ours > 0.4);  // popularity reaches 0.11, the oracle 0.69
}

TEST_CASE("MACRec tells which identifiers found an item", "[macrec][run]") {
  const tests::TemporaryFolder folder;
  train(folder / "run", "macrec", kShort);
  const auto model = Run(folder / "run").load(small());
  const std::vector<int32_t> sequence{5, 2, 77};
  const Query queries[] = {{.sequence = sequence}};
  const Ranking ranking = model->rank(queries, 5);
  const auto why = model->explain(queries[0], ranking);
  REQUIRE(why.size() == 5);
  CHECK(why[0].lines[0].first == "textual identifier");
  CHECK_THAT(why[0].lines[0].second, tests::Contains("<a_"));
  CHECK_THAT(why[0].lines[0].second, tests::Contains("score -"));
  CHECK(why[0].lines[1].first == "visual identifier");
  CHECK_THAT(why[0].lines[1].second, tests::Contains("<A_"));
}

TEST_CASE("a trained run can be asked with other options of inference", "[macrec][run]") {
  const tests::TemporaryFolder folder;
  train(folder / "run", "macrec", kShort);
  const int cutoffs[] = {10};
  const auto ask = [&](const std::vector<std::string>& changes) {
    return evaluate(*Run(folder / "run", changes).load(small()), small(), Split::test, cutoffs);
  };
  CHECK(ask({}).ranking.scores != ask({"ensemble=text"}).ranking.scores);
  CHECK(ask({}).seen_listed);
  CHECK_FALSE(ask({"exclude-seen=leaf"}).seen_listed);
  CHECK(ask({"exclude-seen=trie", "beam=100"}).ranking.of(0).size() == 10);
  CHECK_THAT(tests::error_of([&] { ask({"beam"}); }), tests::Contains("--set: 'beam' sets nothing; give NAME=VALUE"));
  CHECK_THAT(tests::error_of([&] { ask({"beem=3"}); }), tests::Contains("--set beem: unknown option; did you mean 'beam'?"));
}

TEST_CASE("what the generator cannot work with is said", "[macrec][run]") {
  const tests::TemporaryFolder folder;
  int count = 0;
  const auto refused = [&](const Settings& settings, const Dataset& data = small()) {
    const std::string out = folder / std::to_string(++count);
    return tests::error_of([&] { train(out, "macrec", with(kShort, settings), false, data); });
  };
  static const Dataset unordered = make_synthetic(synth_preset("tiny")).dataset;
  CHECK_THAT(refused({}, unordered), tests::Contains("macrec: the interactions of a user have no order in this data set; import it"));
  CHECK_THAT(refused({{"tasks", "item2image,image2item"}}), tests::Contains("--tasks: seqrec is needed to make lists; add it"));
  CHECK_THAT(refused({{"validation", "text-loss"}, {"tasks", "seqimage"}}),
             tests::Contains("--validation text-loss: needs the task seqrec"));
  CHECK_THAT(refused({{"ids", "audio=x.tsv"}}), tests::Contains("there are no 'audio' ones; give textual or visual"));
  CHECK_THAT(refused({{"ids", "textual="}}), tests::Contains("--ids: 'textual=' names no file; give textual=FILE"));
  CHECK_THAT(refused({{"ids", "a.tsv,textual=b.tsv"}}), tests::Contains("--ids: textual identifiers are given twice; give one file"));
  CHECK_THAT(refused({{"ids", ""}, {"modalities", "textual"}}),
             tests::Contains("--modalities: the tasks speak visual identifiers; add visual, or give them with --ids"));
  train(folder / "run", "tiger", kShort);
  CHECK_THAT(tests::error_of([&] { Run(folder / "run").load(unordered); }),
             tests::Contains("tiger: the interactions of a user have no order"));
  SpokenIdentifiers other = by_kmeans();
  other[Language::textual].codes[0] ^= 1;
  write_identifiers(folder / "run/identifiers-textual.tsv", other[Language::textual], small().item_ids);
  CHECK_THAT(tests::error_of([&] { Run(folder / "run").load(small()); }), tests::Contains("was made from other identifiers"));
  std::remove((folder / "run/identifiers-textual.tsv").c_str());
  CHECK_THAT(tests::error_of([&] { Run(folder / "run").load(small()); }), tests::Contains("run the stage ids first"));
}
