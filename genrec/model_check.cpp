// Whole models, trained for some steps on both devices.
#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "genrec/data/synth.h"
#include "genrec/device_check.h"
#include "genrec/evaluate.h"
#include "genrec/macrec/generator.h"
#include "genrec/mmgrec/graph_encoder.h"
#include "genrec/mmgrec/inference.h"
#include "genrec/mmgrec/item_quantizer.h"
#include "genrec/mmgrec/recommender.h"
#include "genrec/triples.h"
#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/rounded_weights.h"
#include "tensor/cuda/graph.h"
#include "tensor/precision.h"

namespace genrec {

namespace {

using autograd::compare_devices;
using autograd::DeviceReport;
using autograd::Var;
using tensor::Device;
using tensor::DType;
using tensor::Tensor;

constexpr double kModelLimit = 1e-3;  // after some steps: what single steps differ by grows
constexpr double kRoundedModelLimit = 1e-1;  // and with products of bf16, whose inputs may fall to the other side of a tie
constexpr double kRate = 1e-3;

Tensor random_f32(tensor::Shape shape, tensor::Generator& rng) { return autograd::random_tensor(shape, rng).to(DType::f32); }

// Trains as the training loop does and returns the losses, then the parameters. begin(step) takes the step's batch. In bf16 without
// the vectors: shifts begin at 0, and AdamW moves each by the sign of a gradient that rounding may turn.
std::vector<Tensor> trained(nn::Parameters& parameters, int steps, uint64_t seed, const std::function<StepInputs(int step)>& begin,
                            const std::function<Var(const nn::Context&)>& loss) {
  nn::AdamW optimizer;
  tensor::cuda::Replays replays(tensor::cuda::Replays::Others::recorded);
  std::vector<Tensor> results;
  for (int step = 0; step < steps; ++step) {
    parameters.clear_gradients();
    optimizer.set_learning_rate(kRate * (1 + step % 3));
    StepInputs inputs = begin(step);
    inputs.add(Tensor::from<int32_t>({tensor::Random::step_word(static_cast<uint64_t>(step))}));
    const Tensor found = replays.run(inputs.key, inputs.tensors, [&](std::span<const Tensor> copies) {
      const Tensor& word = copies.back();
      Var value;
      {
        const nn::RoundedWeights rounded(parameters);
        autograd::Tape tape;
        value = loss({.training = true, .seed = seed, .step = static_cast<uint64_t>(step),
                      .step_on_device = word.device() == Device::cuda ? word.data<int32_t>() : nullptr});
        tape.backward(value);
      }
      optimizer.step(parameters, nn::clip_scale(parameters, 1).scale);
      return value.value();
    });
    results.push_back(found.clone());
  }
  const bool rounded = tensor::precision() == tensor::Precision::bf16;
  for (const nn::Parameter& p : parameters) {
    if (!rounded || p.var.shape().rank() > 1) results.push_back(p.var.value());
  }
  return results;
}

std::vector<Tensor> train_t5(int steps, uint64_t seed) {
  nn::Parameters parameters(seed);
  const nn::T5 model(parameters, "t5", {.width = 24, .feed_forward = 40, .heads = 3, .head_width = 8, .encoder_layers = 2,
                                        .decoder_layers = 2, .vocabulary = 50});
  tensor::Generator rng(seed, "device check/t5");
  Tensor sources, offsets, targets, target_offsets;
  const auto begin = [&](int step) {  // two sizes, in one of which other sequences are the long ones
    const std::vector<int32_t> ends = step % 3 == 0   ? std::vector<int32_t>{0, 4, 21, 22, 60}
                                      : step % 3 == 1 ? std::vector<int32_t>{0, 38, 38, 40, 60}
                                                      : std::vector<int32_t>{0, 4, 21, 22, 50};
    std::vector<int32_t> tokens(ends.back()), outputs(20);
    for (int32_t& token : tokens) token = static_cast<int32_t>(rng.below(50));
    for (int32_t& token : outputs) token = static_cast<int32_t>(rng.below(50));
    sources = Tensor::from(tokens), offsets = Tensor::from(ends), targets = Tensor::from(outputs);
    target_offsets = Tensor::from<int32_t>({0, 5, 10, 15, 20});
    StepInputs inputs{.tensors = {sources, targets}, .key = {}};
    inputs.add_offsets(offsets), inputs.add_offsets(target_offsets);
    return inputs;
  };
  std::vector<Tensor> results = trained(parameters, steps, seed, begin, [&](const nn::Context& context) {
    const Var memory = model.encode(sources, offsets, context);
    return autograd::cross_entropy(model.decode(targets, target_offsets, memory, offsets, context), targets);
  });
  begin(0);
  const nn::T5::Memory memory = model.remember(sources, offsets);  // two steps of decoding, two beams per sequence
  nn::T5::State state;
  const auto ids = [](const std::vector<int32_t>& values) { return Tensor::from(values); };
  const auto say = [&](const Tensor& fed, const Tensor& parents, const Tensor& users) {
    const nn::T5::Scores scores = model.step(state, memory, fed, parents, users);
    results.push_back(scores.logits), results.push_back(scores.lse);
  };
  say(ids({0, 0, 0, 0}), {}, ids({0, 1, 2, 3}));
  const Tensor twice = ids({0, 0, 1, 1, 2, 2, 3, 3});
  say(ids({1, 2, 3, 4, 5, 6, 7, 8}), twice, twice);
  return results;
}

std::vector<Tensor> train_graph(const Dataset& data, int steps, uint64_t seed) {
  nn::Parameters parameters(seed);
  const mmgrec::GraphEncoder encoder(parameters, {.width = 16, .batch = 200, .negatives = 1}, data);
  TripleSampler triples(data, 1, true, 200, seed);
  triples.begin_epoch(0);
  TripleBatch batch;
  const auto begin = [&](int step) {
    batch = triples.batch(step % 3);
    return StepInputs{.tensors = {batch.users, batch.positives, batch.negatives}, .key = {}};
  };
  return trained(parameters, steps, seed, begin, [&](const nn::Context& context) {
    return encoder.bpr(encoder.forward(context), batch);
  });
}

std::vector<Tensor> train_quantizer(int steps, uint64_t seed) {
  nn::Parameters parameters(seed);
  const mmgrec::ItemQuantizer quantizer(parameters, {.codes = 16}, 20);
  tensor::Generator rng(seed, "device check/quantizer");
  const Tensor items = random_f32({150, 20}, rng).to(tensor::default_device());
  const auto nothing = [](int) { return StepInputs(); };
  std::vector<Tensor> results =
      trained(parameters, steps, seed, nothing, [&](const nn::Context&) { return quantizer.step(items).loss; });
  results.push_back(quantizer.codes(items));
  return results;
}

std::vector<Tensor> train_recommender(const Dataset& data, int steps, uint64_t seed) {
  const mmgrec::TransformerOptions options{.heads = 2, .feed_forward = 24, .history = 20, .batch = 30};
  tensor::Generator rng(seed, "device check/recommender");
  ItemIdentifiers codes{.levels = 2, .sizes = {8, 8}};
  for (int64_t i = 0; i < 2 * data.item_count(); ++i) codes.codes.push_back(static_cast<int32_t>(rng.below(8)));
  const ItemIdentifiers identifiers = assign_identifiers(codes, data.train_counts());
  const Vocabulary vocabulary(Vocabulary::Layout::disjoint, identifiers.sizes);
  const Trie trie(identifiers);
  const mmgrec::TokenTable tokens = mmgrec::token_table(identifiers, trie, vocabulary);
  nn::Parameters parameters(seed);
  const mmgrec::Recommender model(parameters, options, random_f32({data.item_count(), 16}, rng),
                                  random_f32({data.users(), 16}, rng), vocabulary.size(), identifiers.levels + 1);
  mmgrec::Sampler sampler(data, tokens, options, options.batch, seed);
  sampler.begin_epoch(0);
  mmgrec::Batch batch;
  const auto begin = [&](int step) { return batch = sampler.batch(step % 3), mmgrec::inputs_of(batch); };
  std::vector<Tensor> results =
      trained(parameters, steps, seed, begin, [&](const nn::Context& context) { return model.loss(batch, context); });
  const QuerySet queries(data, users_with(data, Split::test), Split::test);
  const mmgrec::InferenceOptions inference{
      .history = options.history, .beam = {.k = 5, .exclusion = Exclusion::trie}, .seed = seed};
  const mmgrec::Recommender packed = model.packed();
  for (size_t batch = 0; batch < 5; ++batch) {  // the graph of one is launched again for another
    const Ranking lists = mmgrec::beam_rank(packed, trie, vocabulary, data, queries.queries().subspan(4 * batch, 4), inference);
    results.push_back(Tensor::from(lists.items)), results.push_back(Tensor::from(lists.scores));
  }
  return results;
}

// MACRec's generator: parts of a step, and items to align.
std::vector<Tensor> train_generator(const Dataset& data, int steps, uint64_t seed) {
  const macrec::GeneratorOptions options{.layers = 1, .heads = 2, .head_width = 8, .width = 16, .feed_forward = 24, .history = 8,
                                         .implicit_weight = 0.5, .batch = 40, .micro_batch = 24};
  tensor::Generator rng(seed, "device check/generator");
  macrec::SpokenIdentifiers identifiers;
  for (const macrec::Language language : macrec::kLanguages) {
    ItemIdentifiers& spoken = identifiers[language];
    spoken.levels = 3, spoken.sizes = {8, 8, 8};
    for (int64_t i = 0; i < 3 * data.item_count(); ++i) spoken.codes.push_back(static_cast<int32_t>(rng.below(8)));
  }
  const std::vector<macrec::Task> tasks = macrec::tasks_named(options.tasks);
  const macrec::ItemTokens tokens(tasks, identifiers);
  nn::Parameters parameters(seed);
  const nn::T5 model = macrec::make_transformer(parameters, options, tokens.layout());
  const macrec::Samples samples(data, tasks, options.history, seed);
  const macrec::Sampler sampler(samples, options.batch, seed);
  macrec::StepLoss loss(model, tokens, options);
  const auto begin = [&](int step) {
    const std::vector<macrec::Sample> some = sampler.step(0, step % 5);
    return loss.begin(loss.prepare(some, macrec::items_to_align(some, 0, data.item_count(), tensor::Random(seed, "unused"))));
  };
  return trained(parameters, steps, seed, begin, [&](const nn::Context& context) {
    Var sum = loss.part(0, context);
    for (int64_t part = 1; part < loss.parts(); ++part) sum = autograd::add(sum, loss.part(part, context));
    return sum;
  });
}

}  // namespace

DeviceReport compare_models(int steps, uint64_t seed) {
  DeviceReport report;
  const auto on = [&](const std::string& name, const std::function<std::vector<Tensor>()>& run) {
    const bool rounded = tensor::precision() == tensor::Precision::bf16;
    bool graphs = true;  // in the CPU's run, which has none, and the first on CUDA; the second on CUDA must have the same bits
    compare_devices(name, rounded ? kRoundedModelLimit : kModelLimit, [&](Device device) {
      const tensor::DefaultDevice scope(device);
      tensor::cuda::use_graphs(graphs);
      graphs = device == Device::cpu;
      std::vector<Tensor> results = run();
      tensor::cuda::use_graphs(true);
      if (rounded) std::erase_if(results, [](const Tensor& x) { return x.dtype() == DType::i32; });  // codes and lists may differ
      return results;
    }, report);
  };
  const Dataset data = make_synthetic({.users = 40, .items = 60, .seed = seed}).dataset;
  on("t5", [&] { return train_t5(steps, seed); });
  on("mmgrec graph", [&] { return train_graph(data, steps, seed); });
  on("mmgrec quantiser", [&] { return train_quantizer(steps, seed); });
  on("macrec generator", [&] { return train_generator(data, steps, seed); });
  on("mmgrec transformer", [&] { return train_recommender(data, steps, seed); });
  return report;
}

}  // namespace genrec
