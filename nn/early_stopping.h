// Stops a run whose validation score has not risen for a number of evaluations.
#pragma once

#include "tensor/tensor.h"

namespace nn {

class EarlyStopping {
 public:
  // patience: evaluations in a row without a new best score after which to stop; 0: never stop.
  explicit EarlyStopping(int64_t patience) : patience_(patience) {}

  bool update(double score);  // true: the best so far, so worth keeping. Larger is better; NaN never is.
  bool should_stop() const { return patience_ > 0 && waited_ >= patience_; }
  bool seen() const { return count_ > 0; }
  double best() const { return best_; }            // -infinity before the first score
  int64_t best_index() const { return best_at_; }  // which call of update() it was, from 0; -1 before
  int64_t waited() const { return waited_; }

  tensor::Tensor state() const;  // f64 [4], for a checkpoint
  void load_state(const tensor::Tensor& state);

 private:
  int64_t patience_;
  double best_ = -__builtin_huge_val();
  int64_t best_at_ = -1, waited_ = 0, count_ = 0;
};

}  // namespace nn
