// The k best of a stream of (score, key) pairs: a bounded heap. NaN is never accepted. And what a GPU needs for it: block_top_k.h.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/error.h"

namespace genrec {

// A block of a GPU.
inline constexpr unsigned kTopThreads = 256;
inline constexpr int kTopWarps = kTopThreads / 32;
// Candidates that it holds at a time: a power of two, those that are kept and one of each thread.
constexpr int top_capacity(int64_t k) { return static_cast<int>(std::bit_ceil(static_cast<uint64_t>(k) + kTopThreads)); }
constexpr size_t top_bytes(int64_t capacity) { return capacity * sizeof(uint64_t) + kTopWarps * sizeof(int); }  // shared memory

struct Scored {
  float score;
  int64_t key;
};

inline bool better(const Scored& a, const Scored& b) { return a.score > b.score || (a.score == b.score && a.key < b.key); }

class TopK {
 public:
  explicit TopK(int64_t k = 1) { reset(k); }

  void reset(int64_t k) {
    tensor::check(k >= 1, "k is ", k, ", must be at least 1");
    k_ = static_cast<size_t>(k);
    entries_.clear();
    entries_.reserve(k_);
  }
  bool full() const { return entries_.size() == k_; }
  // Keys must be offered in ascending order: of equal scores the first one stays.
  bool accepts(float score) const { return full() ? score > entries_.front().score : score == score; }
  void offer(float score, int64_t key) {  // accepts(score) must hold
    if (full()) {
      std::pop_heap(entries_.begin(), entries_.end(), better);
      entries_.back() = {score, key};
    } else {
      entries_.push_back({score, key});
    }
    std::push_heap(entries_.begin(), entries_.end(), better);
  }
  float threshold() const { return entries_.front().score; }  // of a full heap: what a score has to exceed

  // Best first, equal scores by key; ends the use of the heap until the next reset().
  std::span<const Scored> sort() {
    std::sort(entries_.begin(), entries_.end(), better);
    return entries_;
  }

 private:
  size_t k_ = 1;
  std::vector<Scored> entries_;  // a heap whose front is the worst entry
};

}  // namespace genrec
