#include "nn/relative_position.h"

#include <algorithm>
#include <span>

namespace nn {

namespace {

constexpr int64_t kReach = 127;  // both functions are constant beyond

// The first distance of each logarithmic bucket, as a table: a logarithm would round at the edges.
constexpr int32_t kBidirectionalFirst[] = {8, 12, 16, 23, 32, 46, 64, 91};                                        // 8..15
constexpr int32_t kCausalFirst[] = {16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113};  // 16..31

// Distances below the number of entries have a bucket each; the others that of the last entry they reach.
int32_t bucket_of(int64_t distance, std::span<const int32_t> first) {
  const auto one_by_one = static_cast<int64_t>(first.size());
  if (distance < one_by_one) return static_cast<int32_t>(distance);
  const auto reached = std::upper_bound(first.begin(), first.end(), distance) - first.begin();
  return static_cast<int32_t>(one_by_one + reached - 1);
}

}  // namespace

int32_t bidirectional_bucket(int64_t distance) {
  return (distance > 0 ? kDistanceBuckets / 2 : 0) + bucket_of(distance < 0 ? -distance : distance, kBidirectionalFirst);
}

int32_t causal_bucket(int64_t distance) { return bucket_of(std::max<int64_t>(-distance, 0), kCausalFirst); }

RelativePosition::RelativePosition(Parameters& parameters, const std::string& name, int heads, bool causal, double deviation)
    : table(parameters.add(name + ".table", {kDistanceBuckets, heads}, normal(deviation), {.decay = false})),
      buckets_({2 * kReach + 1}, DType::i32) {
  for (int64_t d = -kReach; d <= kReach; ++d) {
    buckets_.data<int32_t>()[kReach + d] = causal ? causal_bucket(d) : bidirectional_bucket(d);
  }
}

}  // namespace nn
