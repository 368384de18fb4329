// A random permutation of 0 .. n-1 as a function, without a table: for the order of an epoch that is too long to shuffle.
#pragma once

#include "tensor/random.h"

namespace tensor {

// Feistel rounds over the smallest square of a power of two that holds n; values beyond n are permuted again. Every value of
// [0, n) occurs exactly once.
class Permutation {
 public:
  Permutation(const Random& random, uint64_t n);
  uint64_t size() const { return n_; }
  uint64_t operator()(uint64_t index) const;  // index < n

 private:
  Random random_;
  uint64_t n_;
  int half_ = 1;  // bits of each half
};

}  // namespace tensor
