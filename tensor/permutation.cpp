#include "tensor/permutation.h"

#include "tensor/error.h"

namespace tensor {

namespace {
constexpr uint64_t kRounds = 6;
}

Permutation::Permutation(const Random& random, uint64_t n) : random_(random), n_(n) {
  while (half_ < 31 && (uint64_t{1} << (2 * half_)) < n) ++half_;
}

uint64_t Permutation::operator()(uint64_t index) const {
  check(index < n_, "element ", index, " of a permutation of ", n_);
  const uint64_t mask = (uint64_t{1} << half_) - 1;
  do {
    uint64_t left = index >> half_, right = index & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t mixed = left ^ (random_.bits(round << 32 | right) & mask);
      left = right;
      right = mixed;
    }
    index = left << half_ | right;
  } while (index >= n_);
  return index;
}

}  // namespace tensor
