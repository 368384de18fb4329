// The identifier stage on planted items: what its parts promise, and whole runs: learning, bits, resuming, bad input.
#include "genrec/macrec/identifier_stage.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "genrec/data/synth.h"
#include "genrec/identifiers.h"
#include "genrec/interrupt.h"
#include "genrec/log.h"
#include "genrec/macrec/letter_losses.h"
#include "genrec/macrec/modality_quantizer.h"
#include "genrec/macrec/pseudo_labels.h"
#include "genrec/macrec/quantizer_training.h"
#include "genrec/options.h"
#include "quant/balanced.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"
#include "tests/genrec/interrupter.h"
#include "tests/genrec/planted_items.h"

using namespace genrec;
using macrec::IdentifierOptions;
using macrec::Settings;
using tensor::Tensor;
using Integers = std::vector<int32_t>;
using Json = nlohmann::json;

namespace {

const Dataset& planted() {
  static const Dataset dataset = tests::planted_items(500, 30);
  return dataset;
}

const Settings kShort = {{"rq-epochs", "4"}, {"pseudo-restarts", "1"}};

IdentifierOptions make_options(const std::string& model, const std::vector<Settings>& all) {
  IdentifierOptions options = macrec::identifier_defaults(model);
  OptionTable table;
  macrec::describe(table, options);
  std::vector<Assignment> assignments;
  for (const auto& [name, text] : macrec::identifier_preset("tiny", model)) assignments.push_back({name, text, "--" + name, "tiny"});
  for (const Settings& settings : all)
    for (const auto& [name, text] : settings) assignments.push_back({name, text, "--" + name, "test"});
  table.apply(assignments);
  return options;
}

void train(const std::string& out, const std::string& model, const std::vector<Settings>& settings = {kShort},
           const Dataset& dataset = planted()) {
  RunFolder run = file_exists(out + "/manifest.json") ? RunFolder::open(out) : RunFolder::create(out);
  macrec::run_identifier_stage(make_options(model, settings), {dataset, run, 1, "ids"});
}

std::vector<Json> log_lines(const std::string& run, const std::string& phase) {
  std::istringstream text(tensor::read_file(run + "/metrics.jsonl"));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) {
    if (Json json = Json::parse(line); json["phase"] == phase) lines.push_back(json);
  }
  return lines;
}

// Everything that must be the same for any thread count and after a resume.
std::string results(const std::string& run) {
  std::string all = tensor::read_file(run + "/quantizers.safetensors");
  for (const char* name : {"textual", "visual"}) {
    all += tensor::read_file(run + "/" + macrec::quantizer_file(name)) + tensor::read_file(run + "/" + macrec::identifier_file(name));
  }
  return all;
}

}  // namespace

TEST_CASE("positives have the label of their anchor, are other items, and all occur", "[ids]") {
  const Tensor labels = Tensor::from(Integers{7, 5, 7, 7, 9, 5}), items = Tensor::from(Integers{5, 4, 3, 2, 1, 0});
  std::set<std::pair<int, int>> seen;
  for (uint64_t step = 0; step < 50; ++step) {
    const Tensor positives = macrec::draw_positives(items, labels, false, tensor::Random(1, "test", step));
    for (int i = 0; i < 6; ++i) seen.insert({i, positives.data<int32_t>()[i]});
    CHECK(macrec::draw_positives(items, labels, true, tensor::Random(1, "test", step)).data<int32_t>()[1] == -1);
  }
  // Rows 2, 3, 5 are items 3, 2, 0 with label 7; rows 0 and 4 have label 5; row 1 is alone.
  const std::set<std::pair<int, int>> expected = {{0, 4}, {4, 0}, {1, 1}, {2, 3}, {2, 5}, {3, 2}, {3, 5}, {5, 2}, {5, 3}};
  CHECK(seen == expected);
  CHECK(macrec::pseudo_label_count(512, 6250) == 512);
  CHECK(macrec::pseudo_label_count(512, 2047) == 170);
  CHECK(macrec::pseudo_label_count(24, 10) == 2);
}

TEST_CASE("balanced assignment: clusters of one size, near rows first", "[ids][quant]") {
  const Tensor d = Tensor::from(std::vector<float>{1, 9, 2, 9, 3, 4, 9, 9, 4, 9}, {5, 2});
  const Integers labels = quant::balanced_assignment(d).to_vector<int32_t>();
  CHECK(labels == Integers{0, 0, 0, 1, 1});  // row 4 likes cluster 0 best, where three are nearer
  const Dataset items = tests::planted_items(101, 5);
  const quant::KMeans found = quant::kmeans(items.features.at("visual").values, {.clusters = 10, .balanced = true});
  Integers sizes(10);
  for (int32_t label : found.labels.to_vector<int32_t>()) ++sizes[label];
  CHECK(*std::min_element(sizes.begin(), sizes.end()) == 10);
  CHECK(*std::max_element(sizes.begin(), sizes.end()) == 11);
  CHECK_THAT(tests::error_of([] { quant::balanced_assignment(Tensor({3})); }),
             tests::Contains("balanced_assignment: distances are [3]; they must be [rows, clusters]"));
}

TEST_CASE("the diversity loss prefers codewords near others of their cluster; a code alone in it counts nothing", "[ids]") {
  // Codes 0 and 1 make a cluster, 2 is alone. q_0 . e_1 = 2, q_0 . e_2 = -1: -log softmax over {1, 2}.
  const Tensor codebook = Tensor::from(std::vector<double>{1, 0, 2, 0, -1, 0}, {3, 2});
  const Tensor codes = Tensor::from(Integers{0, 2}), rows = Tensor::from(std::vector<double>{1, 0, -1, 0}, {2, 2});
  const auto loss = macrec::diversity_loss(rows, codes, codebook, Tensor::from(Integers{0, 0, 1}), tensor::Random(1, "test"));
  CHECK(loss.value().item() == Approx(std::log(1 + std::exp(-3.0))));
  // Mean of -log softmax of the diagonal of [[1, 2], [0, 1]] (rows . cf).
  const auto cf = macrec::collaborative_loss(Tensor::from(std::vector<double>{1, 0, 0, 1}, {2, 2}),
                                             Tensor::from(std::vector<double>{1, 0, 2, 1}, {2, 2}));
  CHECK(cf.value().item() == Approx((std::log(1 + std::exp(1.0)) + std::log(1 + std::exp(-1.0))) / 2));
}

TEST_CASE("the stage learns, and leaves unique identifiers of both modalities", "[ids]") {
  const tests::TemporaryFolder folder;
  train(folder / "run", "macrec", {{{"rq-epochs", "20"}, {"rq-batch", "32"}, {"pseudo-restarts", "1"}}});
  const auto epochs = log_lines(folder / "run", "quantizers");
  REQUIRE(epochs.size() == 20);
  for (const std::string name : {"textual", "visual"}) {
    INFO(name);
    CHECK(epochs.back()[name + " recon"].get<double>() < 0.75 * epochs.front()[name + " recon"].get<double>());
    CHECK(epochs[1].contains("valid/" + name + " collisions"));
    CHECK(!epochs[2].contains("valid/" + name + " collisions"));
    const ItemIdentifiers ids = read_identifiers(folder / ("run/" + macrec::identifier_file(name)), planted().item_ids);
    CHECK(ids.levels == 3);
    CHECK(ids.sizes == Integers{32, 32, 32});
    CHECK(unique(ids));
  }
  CHECK(epochs.back().contains("align"));
  const auto made = log_lines(folder / "run", "identifiers");
  REQUIRE(made.size() == 2);
  CHECK(made[0]["collisions after"] == 0);
  CHECK(made[0]["weights of epoch"].get<int>() >= 10);
  double lowest = 1;
  for (size_t e = 9; e < epochs.size(); e += 2) lowest = std::min(lowest, epochs[e]["valid/textual collisions"].get<double>());
  CHECK(made[0]["collisions before"].get<double>() == Approx(lowest));
}

TEST_CASE("a stored quantiser encodes rows on their own as it encoded them all", "[ids]") {
  const tests::TemporaryFolder folder;
  train(folder / "run", "macrec", {kShort, {{"collisions", "keep"}}});
  const macrec::FrozenQuantizer quantizer(folder / ("run/" + macrec::quantizer_file("visual")));
  CHECK(quantizer.shape().modality == "visual");
  CHECK(quantizer.shape().features == 48);
  const ItemIdentifiers ids = read_identifiers(folder / ("run/" + macrec::identifier_file("visual")), planted().item_ids);
  const Tensor codes = quantizer.quantizer().encode(quantizer.latents(planted().features.at("visual").values.row_range(77, 80)));
  CHECK(codes.to_vector<int32_t>() == Integers(ids[77].begin(), ids[77].begin() + 9));
  CHECK_THAT(tests::error_of([&] { quantizer.latents(planted().features.at("textual").values); }),
             tests::Contains("encodes visual features of width 48, these are [500,64]; give features made like those"));
}

TEST_CASE("identifiers are the same bits for 1, 2 and 7 threads", "[ids][run]") {
  for (const char* model : {"macrec", "mql4grec"}) {
    std::string expected;
    for (int threads : {1, 2, 7}) {
      tensor::set_threads(threads);
      const tests::TemporaryFolder folder;
      train(folder / "run", model);
      const std::string bytes = results(folder / "run");
      if (expected.empty()) expected = bytes;
      CHECK(bytes == expected);
    }
  }
  tensor::set_threads(0);
}

TEST_CASE("an interrupted identifier stage resumes to the same bytes", "[ids][run]") {
  const Settings letter_like = {{"diversity-weight", "0.1"}, {"diversity-clusters", "4"}};
  const tests::TemporaryFolder folder;
  train(folder / "whole", "macrec", {kShort, letter_like});
  const std::pair<const char*, int> places[] = {{"pseudo-labels visual", 2}, {"quantizers", 1}, {"quantizers", 4}, {"quantizers", 7}};
  for (const auto& [stage, at] : places) {  // an epoch has two steps
    INFO(stage << " " << at);
    const std::string out = folder / tensor::join(stage, at);
    tests::Interrupter interrupter(at, stage);
    set_progress(&interrupter);
    const std::string message = tests::error_of([&] { train(out, "macrec", {kShort, letter_like}); });
    set_progress(nullptr);
    clear_interrupt();
    CHECK_THAT(message, tests::Contains("go on with --resume"));
    const std::string file = out + "/quantizers.safetensors";
    const std::string checkpoint = file_exists(file) ? tensor::read_file(file) : "";
    train(out, "macrec", {kShort, letter_like});
    CHECK(results(out) == results(folder / "whole"));
    if (checkpoint.empty()) continue;
    tensor::write_file_atomically(file, checkpoint);  // as after a kill: the other files are of a later time
    train(out, "macrec", {kShort, letter_like});
    CHECK(results(out) == results(folder / "whole"));
  }
}

TEST_CASE("every model, profile and variant makes identifiers", "[ids][run]") {
  const Dataset dataset = make_synthetic(synth_preset("tiny")).dataset;  // with interactions, visual and acoustic features
  const Settings both = {{"modalities", "visual,acoustic"}}, one = {{"modalities", "visual"}};
  struct Case {
    const char* model;
    Settings settings, more;
  };
  const Case cases[] = {
      {"macrec", both, macrec::identifier_profile("paper")}, {"macrec", both, macrec::identifier_profile("release")},
      {"macrec", both, macrec::identifier_variant("no_con")}, {"macrec", both, macrec::identifier_variant("no_align")},
      {"macrec", both, {{"align-grad", "codebook"}, {"no-pos", "skip"}, {"con-attract", "0"}, {"exact-distances", "true"}}},
      {"mql4grec", both, {}}, {"tiger", one, {}}, {"tiger", one, {{"collisions", "index"}}}, {"letter", one, {}},
  };
  for (const Case& c : cases) {
    INFO(c.model << " " << (c.more.empty() ? "" : c.more[0].first + "=" + c.more[0].second));
    const tests::TemporaryFolder folder;
    train(folder / "run", c.model, {c.settings, c.more, kShort}, dataset);
    const ItemIdentifiers ids = read_identifiers(folder / ("run/" + macrec::identifier_file("visual")), dataset.item_ids);
    const bool index = !c.more.empty() && c.more[0].second == "index";
    CHECK(ids.levels == (index ? 4 : 3));
    CHECK(ids.popularity == index);
    if (std::string(c.model) != "letter") CHECK(unique(ids));
    CHECK(file_exists(folder / "run/collaborative/embeddings.safetensors") == (std::string(c.model) == "letter"));
  }
}

TEST_CASE("the contrast lowers collisions when it mostly pushes apart, and raises them as printed in the paper", "[ids][run][slow]") {
  const Dataset dataset = tests::planted_items(2000, 60);
  const Settings sizes = {{"rq-epochs", "60"}, {"rq-chain", "128,64"}, {"rq-latent", "32"}, {"levels", "4"}, {"con-level", "2"},
                          {"rq-batch", "512"}, {"rq-keep-from", "0.7"}, {"pseudo-labels", "100"}, {"pseudo-restarts", "1"}};
  const auto collisions = [&](const Settings& settings) {
    const tests::TemporaryFolder folder;
    train(folder / "run", "macrec", {sizes, settings}, dataset);
    double sum = 0;
    for (const Json& line : log_lines(folder / "run", "identifiers")) sum += line["collisions before"].get<double>();
    return sum / 2;
  };
  const double ours = collisions({}), without = collisions({{"con-weight", "0"}}), literal = collisions({{"con-attract", "1"}});
  INFO("ours " << ours << ", without contrast " << without << ", rho 1 " << literal);
  CHECK(ours < 0.8 * without);
  CHECK(literal > 2 * without);
}

TEST_CASE("the identifier stage refuses what it cannot use", "[ids]") {
  const tests::TemporaryFolder folder;
  const auto error = [&](const std::string& model, const Settings& settings, const Dataset& dataset = planted()) {
    static int count = 0;
    const std::string out = folder / ("run-" + std::to_string(count++));
    return tests::error_of([&] { train(out, model, {kShort, settings}, dataset); });
  };
  CHECK_THAT(error("macrec", {{"modalities", "textual,acoustic"}}),
             tests::Contains("identifiers: the data set has no acoustic features, it has textual, visual; import them with "
                             "--features acoustic=FILE, or name others with --modalities"));
  CHECK_THAT(error("macrec", {{"modalities", "textual"}}),
             tests::Contains("--modalities: the contrastive loss and the alignment are between two modalities, these are 1"));
  CHECK_THAT(error("tiger", {{"modalities", ""}}), tests::Contains("--modalities: names none"));
  CHECK_THAT(error("tiger", {}, Dataset{}), tests::Contains("identifiers: the data set has no items"));
  tensor::write_npy(folder / "cf.npy", Tensor::zeros({500, 7}));
  CHECK_THAT(error("letter", {{"cf-vectors", folder / "cf.npy"}}),
             tests::Contains("cf.npy: holds f32 [500,7], expected f32 [500,16]: a row per item, as wide as --rq-latent"));
  train(folder / "good", "macrec");
  const std::string path = folder / "good/quantizer-visual.safetensors";
  std::string bytes = tensor::read_file(path);
  const size_t at = bytes.find("\"codes\":\"32\"");
  REQUIRE(at != std::string::npos);
  bytes.replace(at, 12, "\"codes\":\"3x\"");
  tensor::write_file_atomically(path, bytes);
  CHECK_THAT(tests::error_of([&] { macrec::FrozenQuantizer quantizer(path); }),
             tests::Contains("quantizer-visual.safetensors: codes is '3x', expected a number from 1 to"));
  CHECK_THAT(tests::error_of([&] { macrec::FrozenQuantizer quantizer(folder / "good/quantizers.safetensors"); }),
             tests::Contains("modality"));
}

TEST_CASE("the plan counts the parameters that the network has", "[ids]") {
  const IdentifierOptions options = make_options("macrec", {});
  const Plan::Stage plan = macrec::plan_identifier_stage(options, planted());
  nn::Parameters parameters;
  for (const auto& [name, modality] : planted().features) {
    macrec::ModalityQuantizer network(parameters, macrec::quantizer_shape(options, name, modality.dim()), options);
  }
  CHECK(plan.parameters == parameters.elements());
  CHECK(plan.bytes > 16 * plan.parameters);
  // The published sizes: about 15 million for LLaMA's text vectors, 9.9 for CLIP's of images.
  CHECK(macrec::parameter_count(macrec::quantizer_shape({}, "textual", 4096)) / 1e6 == Approx(15.0).margin(.3));
  CHECK(macrec::parameter_count(macrec::quantizer_shape({}, "visual", 768)) / 1e6 == Approx(9.9).margin(.3));
}
