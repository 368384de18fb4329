#include "genrec/macrec/generator.h"

#include <algorithm>
#include <numeric>

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/normalize_rows.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/segment_mean.h"
#include "autograd/ops/slice_rows.h"

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

Var alignment_loss(const nn::T5& transformer, std::span<const int32_t> items, const ItemTokens& tokens, double temperature,
                   nn::Context context) {
  context.pass += "/implicit";
  std::vector<int32_t> sources, offsets{0}, diagonal(items.size());
  for (const Language language : kLanguages) {
    for (const int32_t item : items) {
      append_source({&item, 1}, language, -1, tokens, sources);
      offsets.push_back(static_cast<int32_t>(sources.size()));
    }
  }
  std::iota(diagonal.begin(), diagonal.end(), 0);
  const Tensor bounds = Tensor::from(offsets), targets = Tensor::from(diagonal);
  const Var memory = transformer.encode(Tensor::from(sources), bounds, context);
  const Var units = autograd::normalize_rows(autograd::segment_mean(memory, bounds));  // [2n, width]
  const int64_t n = static_cast<int64_t>(items.size());
  const Var textual = autograd::slice_rows(units, 0, n), visual = autograd::slice_rows(units, n, 2 * n);
  const auto one_way = [&](const Var& from, const Var& to) {
    return autograd::cross_entropy(autograd::scale(autograd::matmul(from, to, false, true), 1 / temperature), targets);
  };
  return autograd::add(one_way(textual, visual), one_way(visual, textual));
}

StepLoss::Step StepLoss::prepare(std::span<const Sample> samples, std::vector<int32_t> aligned) const {
  Step step{.batches = {}, .shares = {}, .aligned = std::move(aligned)};
  const double targets = static_cast<double>(target_tokens(samples, tokens_));
  for (size_t begin = 0; begin < samples.size(); begin += options_.micro_batch) {
    const auto some = samples.subspan(begin, std::min<size_t>(options_.micro_batch, samples.size() - begin));
    step.batches.push_back(pack(some, tokens_));
    step.shares.push_back(static_cast<double>(target_tokens(some, tokens_)) / targets);
  }
  return step;
}

int64_t StepLoss::begin(Step step) {
  step_ = std::move(step);
  return std::ssize(step_.batches) + (step_.aligned.size() >= 2 ? 1 : 0);
}

Var StepLoss::part(int64_t number, const nn::Context& context) const {
  if (number == std::ssize(step_.batches)) {
    const Var loss = alignment_loss(transformer_, step_.aligned, tokens_, options_.implicit_temperature, context);
    return autograd::scale(loss, options_.implicit_weight);
  }
  return autograd::scale(sequence_loss(transformer_, step_.batches[number], context), step_.shares[number]);
}

}  // namespace genrec::macrec
