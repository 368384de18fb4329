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

int64_t StepLoss::begin(std::vector<Sample> step, std::vector<int32_t> aligned) {
  step_ = std::move(step), aligned_ = std::move(aligned);
  target_tokens_ = target_tokens(step_, tokens_);
  sequence_parts_ = tensor::ceil_div(std::ssize(step_), options_.micro_batch);
  return sequence_parts_ + (aligned_.size() >= 2 ? 1 : 0);
}

Var StepLoss::part(int64_t number, const nn::Context& context) const {
  if (number == sequence_parts_) {
    const Var loss = alignment_loss(transformer_, aligned_, tokens_, options_.implicit_temperature, context);
    return autograd::scale(loss, options_.implicit_weight);
  }
  const size_t begin = static_cast<size_t>(number * options_.micro_batch);
  const auto samples = std::span(step_).subspan(begin, std::min<size_t>(options_.micro_batch, step_.size() - begin));
  const double share = static_cast<double>(target_tokens(samples, tokens_)) / static_cast<double>(target_tokens_);
  return autograd::scale(sequence_loss(transformer_, pack(samples, tokens_), context), share);
}

}  // namespace genrec::macrec
