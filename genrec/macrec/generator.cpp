#include "genrec/macrec/generator.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/normalize_rows.h"
#include "autograd/ops/reshape.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/segment_mean.h"
#include "autograd/ops/slice_columns.h"
#include "genrec/packed_sequences.h"
#include "tensor/divide.h"

namespace genrec::macrec {

nn::T5 make_transformer(nn::Parameters& parameters, const GeneratorOptions& options, const TokenLayout& layout) {
  return nn::T5(parameters, "t5",
                {.width = options.width, .feed_forward = options.feed_forward, .heads = options.heads,
                 .head_width = options.head_width, .encoder_layers = options.layers, .decoder_layers = options.layers,
                 .dropout = options.dropout, .vocabulary = layout.size()});
}

Var sequence_loss(const nn::T5& transformer, const Batch& batch, const nn::Context& context) {
  const Var memory = transformer.encode(batch.sources, batch.source_offsets, context);
  const Var logits = transformer.decode(batch.inputs, batch.target_offsets, memory, batch.source_offsets, context);
  return autograd::cross_entropy(logits, batch.targets);
}

Alignment align_items(std::vector<int32_t> items, const ItemTokens& tokens) {
  const int64_t counting = std::ssize(items);
  const bool padded = tensor::default_device() == tensor::Device::cuda;
  if (padded) {
    // Twice and three times the powers of two: they are a small part of the work, and their number differs much from step to step.
    const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(counting)));
    items.resize(tensor::round_up(counting, std::max<int64_t>(power / 2, 1)), items.front());
  }
  PackedSequences sources;
  for (const int32_t item : items) {
    for (const Language language : kLanguages) {
      append_source({&item, 1}, language, -1, tokens, sources.tokens);
      sources.end_sequence();
    }
  }
  std::vector<int32_t> classes(items.size());
  std::iota(classes.begin(), classes.end(), 0);
  Alignment alignment{.sources = Tensor::from(sources.tokens), .offsets = Tensor::from(sources.offsets),
                      .targets = Tensor::from(classes), .lists = {}, .candidates = {}};
  if (!padded) return alignment;
  std::fill(alignment.targets.span<int32_t>().begin() + counting, alignment.targets.span<int32_t>().end(), -1);
  alignment.lists = Tensor::zeros({std::ssize(items)}, tensor::DType::i32);
  alignment.candidates = {Tensor::from<int32_t>({0, static_cast<int32_t>(counting), static_cast<int32_t>(items.size())}),
                          Tensor::from(classes)};
  return alignment;
}

Var alignment_loss(const nn::T5& transformer, const Alignment& alignment, double temperature, nn::Context context) {
  context.pass += "/implicit";
  const Var memory = transformer.encode(alignment.sources, alignment.offsets, context);
  const Var units = autograd::normalize_rows(autograd::segment_mean(memory, alignment.offsets));  // [2n, width]
  const int64_t width = units.columns();
  const Var pairs = autograd::reshape(units, {alignment.items(), 2 * width});
  const Var textual = autograd::slice_columns(pairs, 0, width), visual = autograd::slice_columns(pairs, width, 2 * width);
  const auto one_way = [&](const Var& from, const Var& to) {
    const Var logits = autograd::scale(autograd::matmul(from, to, false, true), 1 / temperature);
    if (!alignment.lists.defined()) return autograd::cross_entropy(logits, alignment.targets);
    return autograd::candidate_cross_entropy(logits, alignment.targets, alignment.lists, alignment.candidates);
  };
  return autograd::add(one_way(textual, visual), one_way(visual, textual));
}

StepLoss::Step StepLoss::prepare(std::span<const Sample> samples, const std::vector<int32_t>& aligned) const {
  Step step{.batches = pack_parts(samples, options_.micro_batch, options_.history, tokens_), .shares = {}, .alignment = {}};
  const double targets = static_cast<double>(target_tokens(samples, tokens_));
  for (const Batch& batch : step.batches) step.shares.push_back(static_cast<double>(batch.targets.size()) / targets);
  if (aligned.size() >= 2) step.alignment = align_items(aligned, tokens_);
  return step;
}

StepInputs StepLoss::begin(Step step) {
  step_ = std::move(step);
  StepInputs inputs;
  for (const Batch& batch : step_.batches) {
    for (const Tensor& ids : {batch.sources, batch.inputs, batch.targets}) inputs.add(ids);
    inputs.add_offsets(batch.source_offsets), inputs.add_offsets(batch.target_offsets);
  }
  const Alignment& a = step_.alignment;
  if (a.lists.defined()) {
    for (const Tensor& ids : {a.sources, a.targets, a.lists, a.candidates.offsets, a.candidates.classes}) inputs.add(ids);
    inputs.add_offsets(a.offsets);
  }
  return inputs;
}

Var StepLoss::part(int64_t number, const nn::Context& context) const {
  if (number == std::ssize(step_.batches)) {
    const Var loss = alignment_loss(transformer_, step_.alignment, options_.implicit_temperature, context);
    return autograd::scale(loss, options_.implicit_weight);
  }
  return autograd::scale(sequence_loss(transformer_, step_.batches[number], context), step_.shares[number]);
}

}  // namespace genrec::macrec
