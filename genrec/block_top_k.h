// The best k of a stream of candidates, chosen by one block of kTopThreads threads in shared memory. Device code.
//
// A candidate is 64 bits: its score, in an order that integers have, then its place in the stream, the first one the larger.
// So no two are equal, and what is kept does not depend on the order of threads. 0 is no candidate.
#pragma once

#include <bit>
#include <cstdint>

#include "genrec/top_k.h"
#include "tensor/cuda/rows.h"

namespace genrec {

__device__ inline uint64_t candidate_of(float score, uint32_t place) {
  if (score != score) return 0;
  const auto bits = std::bit_cast<uint32_t>(score == 0 ? 0.f : score);  // -0 ties with 0
  const uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return uint64_t{ordered} << 32 | ~place;
}
__device__ inline float score_of(uint64_t candidate) {
  const auto ordered = static_cast<uint32_t>(candidate >> 32);
  return std::bit_cast<float>(ordered >> 31 ? ordered & 0x7fffffffu : ~ordered);
}
__device__ inline uint32_t place_of(uint64_t candidate) { return ~static_cast<uint32_t>(candidate); }

// Whether a value is among the ascending ones of [first, last).
__device__ inline bool holds(const int32_t* first, const int32_t* last, int32_t value) {
  while (first < last) {
    const int32_t* middle = first + (last - first) / 2;
    if (*middle == value) return true;
    if (*middle < value) first = middle + 1;
    else last = middle;
  }
  return false;
}

class BlockTopK {
 public:
  // memory: top_bytes(capacity) of shared memory, aligned to 8 bytes. k > 0.
  __device__ BlockTopK(void* memory, int capacity, int k)
      : best_(static_cast<uint64_t*>(memory)), counts_(reinterpret_cast<int*>(best_ + capacity)), capacity_(capacity), k_(k) {}

  // Whether a candidate with this score could still be kept.
  __device__ bool accepts(uint64_t candidate) const { return candidate > threshold_; }

  // Every thread of the block calls it, with a candidate of its own or 0.
  __device__ void offer(uint64_t candidate) {
    const bool taken = accepts(candidate);
    const unsigned votes = __ballot_sync(tensor::cuda::kAllLanes, taken), lane = threadIdx.x % tensor::cuda::kWarp;
    const unsigned warp = threadIdx.x / tensor::cuda::kWarp;
    if (lane == 0) counts_[warp] = std::popcount(votes);
    __syncthreads();
    int place = count_ + std::popcount(votes & ((1u << lane) - 1));
    for (unsigned w = 0; w < kTopWarps; ++w) {
      if (w < warp) place += counts_[w];
      count_ += counts_[w];
    }
    if (taken) best_[place] = candidate;
    __syncthreads();
    if (count_ + static_cast<int>(kTopThreads) > capacity_) keep_best();
  }

  // Ends the stream: best()[0 .. count()) are the best candidates, best first.
  __device__ void finish() {
    if (count_ > 0) keep_best();
  }
  __device__ const uint64_t* best() const { return best_; }
  __device__ int count() const { return count_; }

 private:
  // Sorts what is there (a bitonic network) and forgets all but k of it.
  __device__ void keep_best() {
    int size = 1;
    while (size < count_) size *= 2;
    for (int i = count_ + static_cast<int>(threadIdx.x); i < size; i += kTopThreads) best_[i] = 0;
    __syncthreads();
    for (int run = 2; run <= size; run *= 2) {
      for (int stride = run / 2; stride > 0; stride /= 2) {
        for (int i = static_cast<int>(threadIdx.x); i < size / 2; i += kTopThreads) {
          const int low = 2 * i - (i & (stride - 1)), high = low + stride;
          const uint64_t a = best_[low], b = best_[high];
          if ((a < b) == ((low & run) == 0)) best_[low] = b, best_[high] = a;
        }
        __syncthreads();
      }
    }
    if (count_ >= k_) count_ = k_, threshold_ = best_[k_ - 1];
    __syncthreads();
  }

  uint64_t* best_;
  int* counts_;  // [kTopWarps]
  int capacity_, k_, count_ = 0;
  uint64_t threshold_ = 0;
};

}  // namespace genrec
