#include "genrec/workloads.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "genrec/log.h"
#include "genrec/macrec/inference.h"
#include "genrec/macrec/modality_quantizer.h"
#include "genrec/mmgrec/recommender.h"
#include "genrec/packed_sequences.h"
#include "graph/bipartite.h"
#include "graph/spmm.h"
#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/rounded_weights.h"
#include "nn/step_watch.h"
#include "tensor/bench_samples.h"
#include "tensor/cuda/replays.h"
#include "tensor/cuda/sparse_product.h"
#include "tensor/profile.h"
#include "tensor/random.h"

namespace genrec {

using autograd::Var;
using tensor::Tensor;
using tensor::Workload;

namespace {

constexpr int kLevels = 4, kCodes = 256;
constexpr int64_t kT5Vocabulary = 2060;  // prompts and two languages of four levels
constexpr int64_t kLongest = 20 * kLevels + 1;  // what a T5 reads

Tensor random_tensor(tensor::Shape shape, const char* stream) {
  Tensor x(shape);
  tensor::Generator rng(1, stream);
  for (float& value : x.span<float>()) value = static_cast<float>(rng.normal());
  return x.to(tensor::default_device());
}

Tensor random_ids(int64_t count, int64_t below, const char* stream) {
  Tensor ids({count}, tensor::DType::i32);
  tensor::Generator rng(1, stream);
  for (int32_t& id : ids.span<int32_t>()) id = static_cast<int32_t>(rng.below(below));
  return ids;
}

Tensor offsets_of(const std::vector<int64_t>& lengths) {
  std::vector<int32_t> offsets{0};
  for (int64_t length : lengths) offsets.push_back(offsets.back() + static_cast<int32_t>(length));
  return Tensor::from(offsets);
}

// The operations that a run counts, or its bytes where it counts none.
Workload counted(const std::string& name, int64_t items, std::function<void()> run) {
  tensor::start_profile();
  run();
  double operations = 0, bytes = 0;
  for (const tensor::Profile::Row& row : tensor::stop_profile().rows) operations += row.operations, bytes += row.bytes;
  const bool counts = operations > 0;
  return {name, counts ? "flop" : "byte", counts ? operations : bytes, std::move(run), tensor::precision(), counts,
          static_cast<double>(items)};
}

// One step of a training as the training loop makes it.
class Trained {
 public:
  virtual ~Trained() = default;
  void step() {
    parameters_.clear_gradients();
    optimizer_.set_learning_rate(1e-4);
    std::vector<Tensor> inputs = batch();
    inputs.push_back(Tensor::from<int32_t>({tensor::Random::step_word(number_)}));
    replays_.run({}, inputs, [&](std::span<const Tensor> copies) {
      const bool on_device = copies.back().device() == tensor::Device::cuda;
      do_step({.training = true, .seed = 1, .step = number_, .step_on_device = on_device ? copies.back().data<int32_t>() : nullptr});
      return Tensor();
    });
    ++number_;
  }
  virtual int64_t items() const = 0;  // tokens or rows of a step

 protected:
  virtual Var loss(const nn::Context& context) const = 0;
  virtual std::vector<Tensor> batch() const { return {}; }  // its index tensors
  nn::Parameters parameters_{1};

 private:
  void do_step(const nn::Context& context) {
    {
      const nn::RoundedWeights rounded(parameters_);
      autograd::Tape tape;
      const Var value = loss(context);
      watch_.add_loss(value.value());
      tape.backward(value);
    }
    const nn::Clip clip = nn::clip_scale(parameters_, 1);
    watch_.end_step(clip);
    optimizer_.step(parameters_, clip.scale);
  }

  nn::AdamW optimizer_;
  nn::StepWatch watch_;
  tensor::cuda::Replays replays_{tensor::cuda::Replays::Others::recorded};
  uint64_t number_ = 0;
};

class T5Training : public Trained {
 public:
  // padded: for a GPU, as trainings do whose batches differ in size.
  explicit T5Training(const std::vector<int64_t>& lengths, bool padded = false)
      : t5_(parameters_, "t5", {.vocabulary = kT5Vocabulary}),
        targets_(random_ids(static_cast<int64_t>(lengths.size()) * (kLevels + 1), kT5Vocabulary, "targets")) {
    PackedSequences sources;
    const int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
    sources.tokens = random_ids(tokens, kT5Vocabulary, "sources").to_vector<int32_t>();
    sources.offsets = offsets_of(lengths).to_vector<int32_t>();
    items_ = tokens + targets_.size();
    if (padded && tensor::default_device() == tensor::Device::cuda) {
      sources.pad(0, capacity_of({&sources, 1}, kLongest, PackedSequences::kSizes));
    }
    std::vector<int64_t> said(lengths.size(), kLevels + 1);
    said.resize(sources.sequences(), 0);
    sources_ = Tensor::from(sources.tokens), offsets_ = Tensor::from(sources.offsets), target_offsets_ = offsets_of(said);
  }
  int64_t items() const override { return items_; }

 private:
  Var loss(const nn::Context& context) const override {
    const Var memory = t5_.encode(sources_, offsets_, context);
    return autograd::cross_entropy(t5_.decode(targets_, target_offsets_, memory, offsets_, context), targets_);
  }
  std::vector<Tensor> batch() const override { return {offsets_, target_offsets_, sources_, targets_}; }
  nn::T5 t5_;
  Tensor targets_, sources_, offsets_, target_offsets_;
  int64_t items_;
};

// Lengths as of the training prefixes of Amazon's Instruments: 5.05 items on average, median 3, 4 % at 20; four codes an item.
std::vector<int64_t> real_lengths(int64_t sequences) {
  tensor::Generator rng(1, "lengths");
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < sequences; ++i) {
    const double u = rng.uniform();
    const double items = u < 0.04 ? 20 : 1 + std::floor(-4 * std::log((u - 0.04) / 0.96 + 1e-9));
    lengths.push_back(kLevels * std::min<int64_t>(20, static_cast<int64_t>(items)) + 1);
  }
  return lengths;
}

class QuantizerTraining : public Trained {
 public:
  QuantizerTraining(int64_t batch, int64_t width) : rows_(random_tensor({batch, width}, "features")) {
    macrec::IdentifierOptions options;
    options.adapter = 0;
    const macrec::QuantizerShape shape = macrec::quantizer_shape(options, "textual", width);
    network_ = std::make_unique<macrec::ModalityQuantizer>(parameters_, shape, options);
  }
  int64_t items() const override { return rows_.rows(); }

 private:
  Var loss(const nn::Context&) const override {
    const macrec::ModalityQuantizer::Step step = network_->step(rows_);
    return autograd::add(step.reconstruction, step.quantized.loss);
  }
  Tensor rows_;
  std::unique_ptr<macrec::ModalityQuantizer> network_;
};

class MmgrecTraining : public Trained {
 public:
  explicit MmgrecTraining(int64_t batch)
      : recommender_(parameters_, options(), random_tensor({kItems, 64}, "items"), random_tensor({batch, 64}, "users"),
                     kVocabulary, kTokens + 1) {
    const std::vector<int64_t> histories(batch, kHistory), tokens(batch, kTokens);
    batch_.users = random_ids(batch, batch, "users");
    batch_.history = random_ids(batch * kHistory, kItems, "history");
    batch_.history_offsets = offsets_of(histories);
    batch_.inputs = random_ids(batch * kTokens, kVocabulary, "inputs");
    batch_.targets = random_ids(batch * kTokens, kVocabulary, "targets");
    batch_.token_offsets = offsets_of(tokens);
  }
  int64_t items() const override { return batch_.history.size() + batch_.inputs.size(); }

 private:
  static constexpr int64_t kItems = 6250, kHistory = 20;
  static constexpr int kVocabulary = 520, kTokens = 4;
  static mmgrec::TransformerOptions options() {
    mmgrec::TransformerOptions options;
    options.feed_forward = 256, options.dropout = 0.1, options.history = kHistory, options.softmax = "full";
    return options;
  }
  Var loss(const nn::Context& context) const override { return recommender_.loss(batch_, context); }
  std::vector<Tensor> batch() const override {
    return {batch_.users, batch_.history, batch_.history_offsets, batch_.inputs, batch_.targets, batch_.token_offsets};
  }
  mmgrec::Recommender recommender_;
  mmgrec::Batch batch_;
};

// Users' and items' vectors through the graph of TikTok's or Instruments' size, and back.
class Propagation {
 public:
  Propagation(int64_t width, int64_t shrink) : x_(Var::parameter(random_tensor({(kUsers + kItems) / shrink, width}, "nodes"))) {
    tensor::Generator rng(1, "edges");
    const int64_t items = kItems / shrink, users = x_.rows() - items;
    std::vector<graph::Pair> edges;
    for (int64_t e = 0; e < kEdges / shrink; ++e) {  // popular items: squares of uniform numbers
      const double u = rng.uniform();
      edges.push_back({static_cast<int32_t>(rng.below(users)), static_cast<int32_t>(u * u * static_cast<double>(items))});
    }
    matrix_ = graph::bipartite_matrix(users, items, edges, graph::Normalisation::mean);
  }
  void run() {
    x_.clear_grad();
    autograd::Tape tape;
    const Var y = graph::spmm(matrix_, x_);
    tape.backward(y, y.value());
  }
  // The same two products by cuSPARSE, which must agree.
  std::function<void()> by_cusparse() const {
    struct Plans {
      graph::SparseMatrix a;
      Tensor x, y, dx;
      tensor::cuda::SparseProduct forward{a.forward.offsets, a.forward.indices, a.forward.values, x, y};
      tensor::cuda::SparseProduct backward{a.transposed.offsets, a.transposed.indices, a.transposed.values, y, dx};
    };
    const Tensor like = x_.value();
    const auto plans = std::make_shared<Plans>(matrix_.to(like.device()), like, like.clone(), like.clone());
    plans->forward.run();
    const Tensor own = graph::spmm(matrix_, x_).value().to(tensor::Device::cpu), theirs = plans->y.to(tensor::Device::cpu);
    for (int64_t i = 0; i < own.size(); ++i) {
      const float a = own.data<float>()[i], b = theirs.data<float>()[i];
      tensor::check(std::abs(a - b) <= 1e-4f * (1 + std::abs(a)), "cuSPARSE: element ", i, " is ", b, ", here it is ", a);
    }
    return [plans] { plans->forward.run(), plans->backward.run(); };
  }

 private:
  static constexpr int64_t kUsers = 17112, kItems = 6250, kEdges = 136226;
  Var x_;
  graph::SparseMatrix matrix_;
};

class AdamSteps {
 public:
  explicit AdamSteps(int64_t parameters) {
    for (Tensor* x : {&update_.w, &update_.g, &update_.m, &update_.v}) {
      *x = Tensor::full({parameters}, 0.01, tensor::DType::f32, tensor::default_device());
    }
    update_.count = &count_, update_.decay = true;
  }
  void run() const {
    nn::adam_kernels::update(update_.w, std::span(&update_, 1), {&rate_, {.decay = 0.01}, /*decoupled=*/true}, {});
  }

 private:
  nn::Update update_{};
  int64_t count_ = 1;
  double rate_ = 1e-3;
};

}  // namespace

struct DecodeBench::State {
  static constexpr int64_t kItems = 12000, kHistory = 20;
  macrec::SpokenIdentifiers identifiers;
  std::unique_ptr<macrec::ItemTokens> tokens;
  std::unique_ptr<Trie> trie;
  nn::Parameters parameters;
  std::unique_ptr<nn::T5> t5;
  std::vector<int32_t> histories;
  std::vector<Query> queries;

  State(int64_t users, uint64_t seed) : parameters(seed) {
    ItemIdentifiers& spoken = identifiers[macrec::Language::textual];
    spoken.levels = kLevels, spoken.sizes.assign(kLevels, kCodes);
    tensor::Generator rng(seed, "bench/identifiers");
    for (int64_t i = 0; i < kItems * kLevels; ++i) spoken.codes.push_back(static_cast<int32_t>(rng.below(kCodes)));
    const macrec::Task tasks[] = {macrec::Task::seqrec};
    tokens = std::make_unique<macrec::ItemTokens>(tasks, identifiers);
    trie = std::make_unique<Trie>(macrec::trie_with_end(spoken));
    t5 = std::make_unique<nn::T5>(parameters, "t5", nn::T5Options{.vocabulary = tokens->layout().size()});
    *t5 = t5->packed();
    for (int64_t i = 0; i < users * kHistory; ++i) histories.push_back(static_cast<int32_t>(rng.below(kItems)));
    for (int64_t user = 0; user < users; ++user) {
      queries.push_back({.sequence = std::span<const int32_t>(histories).subspan(user * kHistory, kHistory)});
    }
  }
};

DecodeBench::DecodeBench(int64_t users, uint64_t seed) : state_(std::make_unique<State>(users, seed)) {}
DecodeBench::~DecodeBench() = default;

int64_t DecodeBench::users() const { return static_cast<int64_t>(state_->queries.size()); }

void DecodeBench::encode(int64_t first, int64_t count) const {
  std::vector<int32_t> sources, offsets{0};
  for (const Query& query : std::span<const Query>(state_->queries).subspan(first, count)) {
    macrec::append_source(query.sequence, macrec::Language::textual, -1, *state_->tokens, sources);
    offsets.push_back(static_cast<int32_t>(sources.size()));
  }
  state_->t5->remember(Tensor::from(sources), Tensor::from(offsets));
}

void DecodeBench::search(int64_t first, int64_t count) const {
  const auto some = std::span<const Query>(state_->queries).subspan(first, count);
  const macrec::BeamLists lists =
      macrec::search_beams(*state_->t5, *state_->tokens, *state_->trie, macrec::Language::textual, some, {});
  tensor::check(lists.of.front().size() == 20, "bench: a list of ", lists.of.front().size(), " items");
}

DecodeTimes bench_decode(int users, int64_t batch, int rounds, uint64_t seed) {
  const DecodeBench bench(std::max<int64_t>(users, batch), seed);
  std::vector<double> single, all, encoder;
  bench.search(0, batch), bench.search(0, 1);
  for (int round = 0; round < rounds; ++round) {
    all.push_back(tensor::seconds_of([&] { bench.search(0, batch); }));
    encoder.push_back(tensor::seconds_of([&] { bench.encode(0, batch); }));
    for (int user = round * users / rounds; user < (round + 1) * users / rounds; ++user) {
      single.push_back(tensor::seconds_of([&] { bench.search(user, 1); }));
    }
  }
  const auto milliseconds = [](const std::vector<double>& seconds, double q) { return 1e3 * tensor::quantile(seconds, q); };
  return {.p50 = milliseconds(single, 0.5), .p95 = milliseconds(single, 0.95), .p99 = milliseconds(single, 0.99),
          .batch = milliseconds(all, 0.5), .encoder = milliseconds(encoder, 0.5)};
}

std::vector<Workload> whole_workloads(int64_t shrink, const std::string& only, WorkloadSizes sizes) {
  const auto shrunk = [&](int64_t size, int64_t least = 1) { return std::max(least, size / shrink); };
  const bool large = sizes == WorkloadSizes::gpu;
  std::vector<Workload> all;
  const auto add = [&](const std::string& name, auto make, int64_t items = 0) {  // make() gives what runs
    if (name.find(only) != std::string::npos) all.push_back(counted(name, items, make()));
  };
  const auto training = [&](const std::string& name, auto make) {
    if (name.find(only) == std::string::npos) return;
    const std::shared_ptr<Trained> model = make();
    all.push_back(counted(name, model->items(), [model] { model->step(); }));
  };
  training("T5 step, 256 sequences of 80",
           [&] { return std::make_shared<T5Training>(std::vector<int64_t>(shrunk(256), 80)); });
  for (const int64_t sequences : large ? std::vector<int64_t>{256, 1024, 2048, 4096} : std::vector<int64_t>{256}) {
    training(tensor::join("T5 step, ", sequences, " sequences of real lengths"),
             [&] { return std::make_shared<T5Training>(real_lengths(shrunk(sequences)), /*padded=*/true); });
  }
  for (const int64_t width : large ? std::vector<int64_t>{4096, 768} : std::vector<int64_t>{4096}) {
    training(tensor::join("RQ-VAE step, 1024 rows of ", width),
             [&] { return std::make_shared<QuantizerTraining>(shrunk(1024, 8), shrunk(width)); });
  }
  training("MMGRec step, 1024 histories of 20", [&] { return std::make_shared<MmgrecTraining>(shrunk(1024, 8)); });
  for (const int64_t width : {64, 128}) {
    std::shared_ptr<Propagation> graph;
    const std::string name = tensor::join("sparse product and gradient, width ", width);
    add(name, [&] { return [made = graph = std::make_shared<Propagation>(width, shrink)] { made->run(); }; });
    if (!large || !graph) continue;
    if (const std::string missing = tensor::cuda::open_sparse_library(); !missing.empty()) note("no cuSPARSE: " + missing);
    else all.push_back({name + ", cuSPARSE", all.back().unit, all.back().work, graph->by_cusparse(), all.back().precision, false});
  }
  add("AdamW, 22.4 million parameters",
      [&] { return [adam = std::make_shared<AdamSteps>(22400000 / shrink)] { adam->run(); }; });
  std::shared_ptr<DecodeBench> decoder;
  const int64_t most = shrunk(large ? 1024 : 64);
  const auto decoding = [&] { return decoder ? decoder : decoder = std::make_shared<DecodeBench>(most); };
  const int64_t users = shrunk(64);
  add("beam search 20, 64 users: encoder", [&] { return [d = decoding(), users] { d->encode(0, users); }; }, users);
  add("beam search 20, 64 users: all", [&] { return [d = decoding(), users] { d->search(0, users); }; }, users);
  add("beam search 20, one user", [&] { return [d = decoding()] { d->search(0, 1); }; }, 1);
  if (large) add("beam search 20, 1024 users", [&] { return [d = decoding(), most] { d->search(0, most); }; }, most);
  return all;
}

}  // namespace genrec
