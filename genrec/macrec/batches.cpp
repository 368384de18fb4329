#include "genrec/macrec/batches.h"

#include <algorithm>

#include "genrec/ranking.h"

namespace genrec::macrec {

ItemTokens::ItemTokens(std::span<const Task> tasks, const SpokenIdentifiers& identifiers)
    : layout_(prompts_of(tasks), identifiers[Language::textual].sizes, identifiers[Language::visual].sizes) {
  for (const Language language : kLanguages) {
    const ItemIdentifiers& spoken = identifiers[language];
    std::vector<int32_t>& tokens = tokens_[index_of(language)];
    tokens = spoken.codes;
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] += layout_.level_begin(language, static_cast<int>(i) % spoken.levels);
  }
}

void append_source(std::span<const int32_t> history, Language language, int prompt, const ItemTokens& tokens,
                   std::vector<int32_t>& out) {
  for (int i = 0; prompt >= 0 && i < TokenLayout::kPromptLength; ++i) out.push_back(tokens.layout().prompt(prompt) + i);
  for (const int32_t item : history) {
    const auto said = tokens.of(language, item);
    out.insert(out.end(), said.begin(), said.end());
  }
  out.push_back(TokenLayout::kEnd);
}

Batch pack(std::span<const Sample> samples, const ItemTokens& tokens) {
  std::vector<int32_t> sources, source_offsets{0}, inputs, targets, target_offsets{0};
  for (const Sample& sample : samples) {
    append_source(sample.history, sample.source, sample.prompt, tokens, sources);
    source_offsets.push_back(static_cast<int32_t>(sources.size()));
    const auto said = tokens.of(sample.target, sample.item);
    inputs.push_back(TokenLayout::kPad);
    inputs.insert(inputs.end(), said.begin(), said.end());
    targets.insert(targets.end(), said.begin(), said.end());
    targets.push_back(TokenLayout::kEnd);
    target_offsets.push_back(static_cast<int32_t>(targets.size()));
  }
  return {Tensor::from(sources), Tensor::from(source_offsets), Tensor::from(inputs), Tensor::from(targets),
          Tensor::from(target_offsets)};
}

int64_t target_tokens(std::span<const Sample> samples, const ItemTokens& tokens) {
  int64_t count = 0;
  for (const Sample& sample : samples) count += tokens.layout().levels(sample.target) + 1;
  return count;
}

Sampler::Sampler(const Samples& samples, int batch, uint64_t seed) : samples_(samples), batch_(batch), seed_(seed) {}

std::vector<Sample> Sampler::step(int64_t epoch, int64_t index) const {
  const tensor::Permutation order(tensor::Random(seed_, "generator/order", static_cast<uint64_t>(epoch)),
                                  static_cast<uint64_t>(samples_.size()));
  std::vector<Sample> step;
  for (int64_t i = index * batch_; i < std::min(samples_.size(), (index + 1) * batch_); ++i) {
    step.push_back(samples_.at(static_cast<int64_t>(order(static_cast<uint64_t>(i))), epoch));
  }
  return step;
}

std::vector<int32_t> items_to_align(std::span<const Sample> samples, int drawn, int64_t items, const tensor::Random& random) {
  std::vector<int32_t> chosen;
  if (drawn > 0) {
    const tensor::Permutation order(random, static_cast<uint64_t>(items));
    for (int64_t i = 0; i < std::min<int64_t>(drawn, items); ++i) chosen.push_back(static_cast<int32_t>(order(i)));
  } else {
    for (const Sample& sample : samples) {
      if (sample.of_items) chosen.push_back(sample.item);
    }
  }
  sort_distinct(chosen);
  return chosen;
}

}  // namespace genrec::macrec
