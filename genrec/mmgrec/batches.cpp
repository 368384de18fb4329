#include "genrec/mmgrec/batches.h"

#include <algorithm>
#include <numeric>

#include "genrec/packed_sequences.h"
#include "tensor/divide.h"
#include "tensor/random.h"

namespace genrec::mmgrec {

using tensor::Tensor;

namespace {

// Keeps `limit` of the items from `begin` on, drawn without replacement, ascending; draw j of sample s is number s * 2^20 + j.
void subsample(std::vector<int32_t>& items, size_t begin, size_t limit, const tensor::Random& random, int64_t sample) {
  const size_t count = items.size() - begin;
  for (size_t j = 0; j < limit && limit < count; ++j) {
    const uint64_t draw = random.below((static_cast<uint64_t>(sample) << 20) + j, count - j);
    std::swap(items[begin + j], items[begin + j + draw]);
  }
  items.resize(begin + std::min(limit, count));
  std::sort(items.begin() + static_cast<int64_t>(begin), items.end());
}

}  // namespace

TokenTable token_table(const ItemIdentifiers& identifiers, const Trie& trie, const Vocabulary& vocabulary) {
  TokenTable table;
  table.length = identifiers.levels + 1;
  std::vector<int32_t> offsets{0}, classes, first_list;  // first_list[d]: number of the list of node 0 of depth d
  for (int depth = 0; depth < identifiers.levels; ++depth) {
    first_list.push_back(static_cast<int32_t>(offsets.size()) - 1);
    for (int32_t node = 0; node < trie.nodes(depth); ++node) {
      const Trie::Range children = trie.children(depth, node);
      for (int32_t c = children.begin; c < children.end; ++c) classes.push_back(vocabulary.token(depth, trie.codes(depth + 1)[c]));
      offsets.push_back(static_cast<int32_t>(classes.size()));
    }
  }
  const int32_t end_list = static_cast<int32_t>(offsets.size()) - 1;
  classes.push_back(vocabulary.end());
  offsets.push_back(static_cast<int32_t>(classes.size()));
  table.candidates = {Tensor::from(offsets), Tensor::from(classes)};

  for (int64_t item = 0; item < identifiers.items(); ++item) {
    const auto codes = identifiers[item];
    table.inputs.push_back(vocabulary.start());
    for (int level = 0; level < identifiers.levels; ++level) {
      const int32_t token = vocabulary.token(level, codes[level]);
      table.inputs.push_back(token), table.targets.push_back(token);
      table.lists.push_back(first_list[level] + (level == 0 ? 0 : trie.find(codes.first(level))));
    }
    table.targets.push_back(vocabulary.end());
    table.lists.push_back(end_list);
  }
  return table;
}

Sampler::Sampler(const Dataset& dataset, const TokenTable& tokens, const TransformerOptions& options, int batch, uint64_t seed)
    : dataset_(dataset), tokens_(tokens), options_(options), batch_(batch), seed_(seed) {
  for (int64_t user = 0; user < dataset.users(); ++user) {
    const auto items = dataset.train_items(user);
    if (items.size() < 2 && options.exclude_target) continue;  // nothing would be left to read
    for (int32_t item : items) user_of_.push_back(static_cast<int32_t>(user)), item_of_.push_back(item);
  }
  tensor::require(tensor::Fault::bad_data, !user_of_.empty(),
                  "training: no user has two training interactions; a larger data set or --no-exclude-target is needed");
}

int64_t Sampler::begin_epoch(int64_t epoch) {
  epoch_ = epoch;
  order_.resize(user_of_.size());
  std::iota(order_.begin(), order_.end(), 0);
  if (options_.samples_per_user > 0) {
    tensor::Generator rng(seed_, "recommend/targets", static_cast<uint64_t>(epoch));
    size_t kept = 0;
    for (size_t begin = 0, end; begin < user_of_.size(); begin = end) {
      for (end = begin; end < user_of_.size() && user_of_[end] == user_of_[begin];) ++end;
      const size_t count = std::min<size_t>(end - begin, options_.samples_per_user);
      if (count < end - begin) rng.choose(std::span<int32_t>(order_).subspan(begin, end - begin), count);
      for (size_t i = 0; i < count; ++i) order_[kept++] = order_[begin + i];
    }
    order_.resize(kept);
  }
  tensor::Generator rng(seed_, "recommend/order", static_cast<uint64_t>(epoch));
  rng.shuffle(std::span<int32_t>(order_));
  return tensor::ceil_div(std::ssize(order_), batch_);
}

void Sampler::append_history(int32_t user, int32_t target, int64_t sample, std::vector<int32_t>& out) const {
  const size_t begin = out.size();
  for (int32_t item : dataset_.train_items(user)) {
    if (item != target) out.push_back(item);
  }
  const uint64_t step = options_.resample_history ? static_cast<uint64_t>(epoch_) : 0;
  const int64_t key = options_.resample_history ? sample : user;
  size_t limit = std::min<size_t>(options_.history, out.size() - begin);
  if (options_.history_length == "random" && limit > 1) {
    limit = 1 + tensor::Random(seed_, "recommend/history length", step).below(static_cast<uint64_t>(key), limit);
  }
  subsample(out, begin, limit, tensor::Random(seed_, "recommend/history", step), key);
}

StepInputs inputs_of(const Batch& batch) {
  StepInputs inputs{.tensors = {batch.users, batch.history, batch.inputs, batch.targets, batch.lists}, .key = {}};
  inputs.add_offsets(batch.history_offsets), inputs.add_offsets(batch.token_offsets);
  return inputs;
}

Batch Sampler::batch(int64_t index) const {
  const int64_t first = index * batch_, last = std::min<int64_t>(order_.size(), first + batch_);
  const int length = tokens_.length;
  PackedSequences history;
  std::vector<int32_t> users, inputs, targets, lists, token_offsets{0};
  inputs.reserve((last - first) * length), targets.reserve((last - first) * length);
  for (int64_t s = first; s < last; ++s) {
    const int32_t sample = order_[s], user = user_of_[sample], item = item_of_[sample];
    users.push_back(user);
    append_history(user, options_.exclude_target ? item : -1, sample, history.tokens);
    history.end_sequence();
    const auto row = [&](const std::vector<int32_t>& table) { return table.begin() + static_cast<int64_t>(item) * length; };
    inputs.insert(inputs.end(), row(tokens_.inputs), row(tokens_.inputs) + length);
    targets.insert(targets.end(), row(tokens_.targets), row(tokens_.targets) + length);
    lists.insert(lists.end(), row(tokens_.lists), row(tokens_.lists) + length);
    token_offsets.push_back(static_cast<int32_t>(inputs.size()));
  }
  if (tensor::default_device() == tensor::Device::cuda) {
    history.pad(0, capacity_of({&history, 1}, options_.history, PackedSequences::kSizes));
    users.resize(history.sequences());
    token_offsets.resize(history.offsets.size(), token_offsets.back());
  }
  return {Tensor::from(users),   Tensor::from(history.tokens), Tensor::from(history.offsets), Tensor::from(inputs),
          Tensor::from(targets), Tensor::from(token_offsets),  Tensor::from(lists),           tokens_.candidates};
}

std::vector<int32_t> inference_history(std::span<const int32_t> items, int limit, uint64_t seed, int64_t user) {
  std::vector<int32_t> history(items.begin(), items.end());
  subsample(history, 0, static_cast<size_t>(limit), tensor::Random(seed, "recommend/history"), user);
  return history;
}

}  // namespace genrec::mmgrec
