// The relative bias of attention on the device.
#pragma once

#include "tensor/cuda/launch.h"

namespace autograd {

struct RelativeTable {
  const float* table;  // [buckets, heads]; null: no bias
  const int32_t* buckets;
  int reach, heads;

  __device__ int bucket(int distance) const {
    return buckets[reach + (distance < -reach ? -reach : distance > reach ? reach : distance)];
  }
  __device__ float at(int distance, int head) const { return table ? table[bucket(distance) * heads + head] : 0.f; }
};

inline RelativeTable relative_table(const tensor::Tensor& table, const tensor::Tensor& buckets) {
  if (!table.defined()) return {nullptr, nullptr, 0, 1};
  return {tensor::cuda::floats(table), tensor::cuda::indices(buckets), static_cast<int>(buckets.size() / 2),
          static_cast<int>(table.columns())};
}

}  // namespace autograd
