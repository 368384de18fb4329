// The relative position bias of T5 (Raffel et al. 2020): distances fall into 32 buckets, near ones one by one, far ones in
// steps that grow, and every head learns one number per bucket. One table serves all layers of a stack.
#pragma once

#include "autograd/ops/attention.h"
#include "nn/parameters.h"

namespace nn {

inline constexpr int kDistanceBuckets = 32;

// Bucket of distance = key position - query position.
int32_t bidirectional_bucket(int64_t distance);  // encoder: 16 for each direction
int32_t causal_bucket(int64_t distance);         // decoder: keys up to the query; later ones count as distance 0

class RelativePosition {
 public:
  RelativePosition(Parameters& parameters, const std::string& name, int heads, bool causal, double deviation);

  autograd::RelativeBias bias() const { return {table, buckets_}; }

  Var table;  // [kDistanceBuckets, heads]

 private:
  Tensor buckets_;  // of the distances -kReach .. kReach
};

}  // namespace nn
