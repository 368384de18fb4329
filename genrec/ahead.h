// The batches of an epoch, each made while the step before it computes: by another thread, where the program may use two.
#pragma once

#include "tensor/background.h"
#include "tensor/parallel.h"

namespace genrec {

template <class Batch>
class Ahead {
 public:
  // make(index) depends on the epoch and the index alone. It must not use parallel loops.
  explicit Ahead(std::function<Batch(int64_t index)> make) : make_(std::move(make)) {}

  // An epoch begins: begin_epoch() may change what make() reads. Returns what it returns, the number of batches.
  int64_t begin(const std::function<int64_t()>& begin_epoch) {
    forget();
    return count_ = begin_epoch();
  }

  // Batch `index`; those of one epoch are usually taken in order.
  Batch take(int64_t index) {
    if (index != next_index_) forget();
    if (next_index_ < 0) next_ = make_(index);
    else next_index_ = -1, background_.wait();
    Batch batch = std::move(next_);
    if (tensor::threads() > 1 && index + 1 < count_) {
      next_index_ = index + 1;
      background_.start([this, index] { next_ = make_(index + 1); });
    }
    return batch;
  }

 private:
  void forget() {
    next_index_ = -1;
    background_ = tensor::Background();  // waits
  }

  std::function<Batch(int64_t)> make_;
  Batch next_{};
  int64_t count_ = 0, next_index_ = -1;  // of the batch that is being made; -1: none
  tensor::Background background_;        // last: it uses everything above
};

}  // namespace genrec
