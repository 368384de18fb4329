// Training triples (user, positive item, negative item) for BPR: every training interaction, with negatives that the user has
// not interacted with in training.
#pragma once

#include "genrec/data/dataset.h"
#include "tensor/tensor.h"

namespace genrec {

struct TripleBatch {
  tensor::Tensor users, positives, negatives;  // i32 [n]; items count from 0
};

class TripleSampler {
 public:
  // negatives per interaction; resample: drawn anew every epoch, otherwise once. Users who know every item have no triples.
  TripleSampler(const Dataset& dataset, int negatives, bool resample, int batch, uint64_t seed);

  int64_t triples() const { return static_cast<int64_t>(order_.size()); }
  int64_t begin_epoch(int64_t epoch);  // shuffles; returns the number of batches
  TripleBatch batch(int64_t index) const;

 private:
  int32_t negative(int32_t user, int64_t triple) const;

  const Dataset& dataset_;
  int negatives_;
  bool resample_;
  int batch_;
  uint64_t seed_;
  int64_t epoch_ = 0;
  std::vector<int32_t> user_of_, item_of_;    // [interactions used]
  std::vector<std::vector<int32_t>> sorted_;  // [users] training items, ascending
  std::vector<int32_t> order_;                // triple = interaction * negatives + which
};

}  // namespace genrec
