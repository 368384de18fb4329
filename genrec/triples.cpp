#include "genrec/triples.h"

#include <algorithm>
#include <numeric>

#include "tensor/divide.h"
#include "tensor/random.h"

namespace genrec {

using tensor::Tensor;

TripleSampler::TripleSampler(const Dataset& dataset, int negatives, bool resample, int batch, uint64_t seed)
    : dataset_(dataset), negatives_(negatives), resample_(resample), batch_(batch), seed_(seed), sorted_(dataset.users()) {
  for (int64_t user = 0; user < dataset.users(); ++user) {
    const auto items = dataset.train_items(user);
    sorted_[user].assign(items.begin(), items.end());
    std::sort(sorted_[user].begin(), sorted_[user].end());
    if (static_cast<int64_t>(items.size()) >= dataset.item_count()) continue;
    for (int32_t item : items) user_of_.push_back(static_cast<int32_t>(user)), item_of_.push_back(item);
  }
  tensor::require(tensor::Fault::bad_data, !user_of_.empty(), "training: there is no training interaction; check the split");
  order_.resize(user_of_.size() * negatives);
}

int64_t TripleSampler::begin_epoch(int64_t epoch) {
  epoch_ = epoch;
  std::iota(order_.begin(), order_.end(), 0);
  tensor::Generator rng(seed_, "triples/order", static_cast<uint64_t>(epoch));
  rng.shuffle(std::span<int32_t>(order_));
  return tensor::ceil_div(triples(), batch_);
}

// Rejection sampling; attempt a of triple t is number t * 2^16 + a of the stream.
int32_t TripleSampler::negative(int32_t user, int64_t triple) const {
  const tensor::Random random(seed_, "triples/negatives", resample_ ? static_cast<uint64_t>(epoch_) : 0);
  for (uint64_t attempt = 0;; ++attempt) {
    const int32_t item = static_cast<int32_t>(random.below(static_cast<uint64_t>(triple) << 16 | attempt, dataset_.item_count()));
    if (!std::binary_search(sorted_[user].begin(), sorted_[user].end(), item)) return item;
  }
}

TripleBatch TripleSampler::batch(int64_t index) const {
  const int64_t first = index * batch_, last = std::min<int64_t>(triples(), first + batch_);
  std::vector<int32_t> users, positives, negatives;
  users.reserve(last - first), positives.reserve(last - first), negatives.reserve(last - first);
  for (int64_t t = first; t < last; ++t) {
    const int32_t triple = order_[t], interaction = triple / negatives_;
    users.push_back(user_of_[interaction]);
    positives.push_back(item_of_[interaction]);
    negatives.push_back(negative(user_of_[interaction], triple));
  }
  return {Tensor::from(users), Tensor::from(positives), Tensor::from(negatives)};
}

}  // namespace genrec
