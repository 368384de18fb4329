// Batches as a GPU gets them, padded: they come in few sizes, so that steps can be launched again, and have the losses and gradients
// of those without padding, with the same dropout.
#include <cmath>
#include <set>

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/matmul.h"
#include "genrec/baselines/sequence_batches.h"
#include "genrec/data/synth.h"
#include "genrec/macrec/generator.h"
#include "genrec/mmgrec/recommender.h"
#include "tests/catch.h"

using namespace genrec;
using autograd::Var;
using tensor::Device;
using tensor::Tensor;

namespace {

const Dataset& data() {
  static const Dataset dataset = [] {
    SynthOptions options = synth_preset("tiny");
    options.ordered = true;
    return make_synthetic(options).dataset;
  }();
  return dataset;
}

ItemIdentifiers random_identifiers(uint64_t seed) {
  ItemIdentifiers codes{.levels = 3, .sizes = {8, 8, 8}, .codes = {}};
  tensor::Generator rng(seed, "test");
  for (int64_t i = 0; i < 3 * data().item_count(); ++i) codes.codes.push_back(static_cast<int32_t>(rng.below(8)));
  return codes;
}

struct Found {
  double loss;
  std::vector<Tensor> gradients;
};

Found gradients_of(nn::Parameters& parameters, const std::function<Var(const nn::Context&)>& loss) {
  parameters.clear_gradients();
  autograd::Tape tape;
  const Var value = loss({.training = true, .seed = 3, .step = 5});
  tape.backward(value);
  Found found{value.value().item(), {}};
  for (const nn::Parameter& p : parameters) {
    if (p.var.grad().defined()) found.gradients.push_back(p.var.grad().clone());
  }
  return found;
}

void check_equal(const Found& padded, const Found& plain) {
  CHECK(padded.loss == Approx(plain.loss).epsilon(1e-6));
  REQUIRE(padded.gradients.size() == plain.gradients.size());
  for (size_t i = 0; i < plain.gradients.size(); ++i) {
    double difference = 0, size = 0;
    for (int64_t k = 0; k < plain.gradients[i].size(); ++k) {
      const float x = plain.gradients[i].data<float>()[k];
      difference = tests::larger(difference, std::abs(x - padded.gradients[i].data<float>()[k]));
      size = std::max<double>(size, std::abs(x));
    }
    REQUIRE(size > 0);
    CHECK(difference <= 1e-5 * size);
  }
}

using Sizes = std::vector<int64_t>;
Sizes sizes_of(const StepInputs& inputs) {
  Sizes sizes = inputs.key;
  for (const Tensor& x : inputs.tensors) sizes.push_back(x.size());
  return sizes;
}

struct Generator {
  macrec::GeneratorOptions options{.layers = 1, .heads = 2, .head_width = 8, .width = 16, .feed_forward = 24, .history = 8,
                                   .implicit_weight = 0.5, .batch = 300, .micro_batch = 130};
  macrec::SpokenIdentifiers identifiers{{random_identifiers(1), random_identifiers(2)}};
  std::vector<macrec::Task> tasks = macrec::tasks_named(options.tasks);
  macrec::ItemTokens tokens{tasks, identifiers};
  nn::Parameters parameters{1};
  nn::T5 model = macrec::make_transformer(parameters, options, tokens.layout());
  macrec::Samples samples{data(), tasks, options.history, 1};
  macrec::Sampler sampler{samples, options.batch, 1};
  macrec::StepLoss loss{model, tokens, options};

  StepInputs begin(int64_t step, Device device) {
    const tensor::DefaultDevice scope(device);
    const std::vector<macrec::Sample> some = sampler.step(0, step);
    return loss.begin(loss.prepare(some, macrec::items_to_align(some, 0, data().item_count(), tensor::Random(1, "unused"))));
  }
  Found found() {
    return gradients_of(parameters, [&](const nn::Context& context) {
      Var sum = loss.part(0, context);
      for (int64_t part = 1; part < loss.parts(); ++part) sum = autograd::add(sum, loss.part(part, context));
      return sum;
    });
  }
};

struct Transformer {
  mmgrec::TransformerOptions options;
  ItemIdentifiers identifiers = assign_identifiers(random_identifiers(1), data().train_counts());
  Vocabulary vocabulary{Vocabulary::Layout::disjoint, identifiers.sizes};
  mmgrec::TokenTable tokens = mmgrec::token_table(identifiers, Trie(identifiers), vocabulary);
  nn::Parameters parameters{1};
  mmgrec::Recommender model{parameters, options, vectors(data().item_count(), 1), vectors(data().users(), 2), vocabulary.size(),
                            identifiers.levels + 1};
  mmgrec::Sampler sampler{data(), tokens, options, 64, 1};

  explicit Transformer(const char* softmax = "full", const char* position = "relation")
      : options{.heads = 2, .feed_forward = 24, .history = 20, .position = position, .softmax = softmax} {}

  static Tensor vectors(int64_t rows, uint64_t seed) {
    Tensor x({rows, 16});
    tensor::Generator rng(seed, "test");
    for (float& value : x.span<float>()) value = static_cast<float>(rng.normal());
    return x;
  }
  mmgrec::Batch batch(int64_t index, Device device) const {
    const tensor::DefaultDevice scope(device);
    return sampler.batch(index);
  }
  Found found(const mmgrec::Batch& batch) {
    return gradients_of(parameters, [&](const nn::Context& context) { return model.loss(batch, context); });
  }
};

}  // namespace

TEST_CASE("padding changes neither the loss nor the gradients of MACRec's generator", "[packed][macrec]") {
  Generator generator;
  for (const int64_t step : {0, 3}) {
    generator.begin(step, Device::cpu);
    const Found plain = generator.found();
    generator.begin(step, Device::cuda);
    CHECK(generator.loss.parts() == 4);
    check_equal(generator.found(), plain);
  }
}

TEST_CASE("padding changes neither the loss nor the gradients of MMGRec's Transformer", "[packed][mmgrec]") {
  for (const char* const softmax : {"full", "trie"}) {
    for (const char* const position : {"relation", "default"}) {
      Transformer transformer(softmax, position);
      transformer.sampler.begin_epoch(0);
      const mmgrec::Batch plain = transformer.batch(1, Device::cpu), padded = transformer.batch(1, Device::cuda);
      CHECK(padded.sequences() > plain.sequences());
      check_equal(transformer.found(padded), transformer.found(plain));
    }
  }
}

TEST_CASE("padding changes neither the loss nor the gradients of SASRec and BERT4Rec", "[packed][baselines]") {
  using namespace genrec::baselines;
  const SequenceOptions options{.width = 16, .batch = 20};
  for (const MakeSequenceModel make : {make_sasrec, make_bert4rec}) {
    nn::Parameters parameters(1);
    const auto model = make(parameters, options, data().item_count());
    const auto found = [&](const SequenceBatch& batch) {
      return gradients_of(parameters, [&](const nn::Context& context) {
        Var states = model->states(batch.items, batch.offsets, context);
        if (batch.rows.defined()) states = autograd::gather_rows(states, batch.rows);
        return autograd::cross_entropy(autograd::matmul(model->outputs(states), model->items(), false, true), batch.targets);
      });
    };
    const SequenceSampler plain(data(), options, model->mask(), 1), padded(data(), options, model->mask(), 1, true);
    std::set<Sizes> sizes;
    for (int64_t index = 0; index < plain.sequences() / options.batch; ++index) {
      const SequenceBatch batch = padded.batch(index);
      sizes.insert({batch.items.size(), batch.offsets.size(), batch.targets.size()});
      if (index < 2) check_equal(found(batch), found(plain.batch(index)));
    }
    REQUIRE(plain.sequences() / options.batch > 10);
    if (model->mask() < 0) CHECK(sizes.size() <= 6);  // the other also differs in the number of masked items
  }
}

TEST_CASE("the steps of a training on a GPU come in few sizes", "[packed]") {
  Generator generator;
  std::set<Sizes> of_generator, of_transformer;
  const int64_t full = generator.samples.size() / generator.options.batch;
  REQUIRE(full > 15);
  for (int64_t step = 0; step < full; ++step) of_generator.insert(sizes_of(generator.begin(step, Device::cuda)));
  CHECK(static_cast<int64_t>(of_generator.size()) <= full / 3);
  Transformer transformer;
  const int64_t batches = transformer.sampler.begin_epoch(0) - 1;
  for (int64_t i = 0; i < batches; ++i) of_transformer.insert(sizes_of(inputs_of(transformer.batch(i, Device::cuda))));
  CHECK(of_transformer.size() <= 4);
}
