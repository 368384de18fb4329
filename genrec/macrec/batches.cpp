#include "genrec/macrec/batches.h"

#include <algorithm>

#include "genrec/packed_sequences.h"
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

namespace {

PackedSequences sources_of(std::span<const Sample> samples, const ItemTokens& tokens) {
  PackedSequences sources;
  for (const Sample& sample : samples) {
    append_source(sample.history, sample.source, sample.prompt, tokens, sources.tokens);
    sources.end_sequence();
  }
  return sources;
}

// Of sources beyond the samples nothing is said.
Batch pack(const PackedSequences& sources, std::span<const Sample> samples, const ItemTokens& tokens) {
  std::vector<int32_t> inputs, targets, target_offsets{0};
  for (const Sample& sample : samples) {
    const auto said = tokens.of(sample.target, sample.item);
    inputs.push_back(TokenLayout::kPad);
    inputs.insert(inputs.end(), said.begin(), said.end());
    targets.insert(targets.end(), said.begin(), said.end());
    targets.push_back(TokenLayout::kEnd);
    target_offsets.push_back(static_cast<int32_t>(targets.size()));
  }
  target_offsets.resize(sources.offsets.size(), target_offsets.back());
  return {Tensor::from(sources.tokens), Tensor::from(sources.offsets), Tensor::from(inputs), Tensor::from(targets),
          Tensor::from(target_offsets)};
}

}  // namespace

Batch pack(std::span<const Sample> samples, const ItemTokens& tokens) { return pack(sources_of(samples, tokens), samples, tokens); }

std::vector<Batch> pack_parts(std::span<const Sample> samples, int64_t size, int history, const ItemTokens& tokens) {
  std::vector<std::span<const Sample>> parts;
  std::vector<PackedSequences> sources;
  for (size_t begin = 0; begin < samples.size(); begin += size) {
    parts.push_back(samples.subspan(begin, std::min<size_t>(size, samples.size() - begin)));
    sources.push_back(sources_of(parts.back(), tokens));
  }
  if (tensor::default_device() == tensor::Device::cuda) {
    const int levels = std::max(tokens.layout().levels(Language::textual), tokens.layout().levels(Language::visual));
    const auto capacity = capacity_of(sources, TokenLayout::kPromptLength + int64_t{history} * levels + 1, PackedSequences::kSizes);
    for (PackedSequences& each : sources) each.pad(TokenLayout::kPad, capacity);
  }
  std::vector<Batch> batches;
  for (size_t i = 0; i < parts.size(); ++i) batches.push_back(pack(sources[i], parts[i], tokens));
  return batches;
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
