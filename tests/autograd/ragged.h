// Small ragged batches for the attention tests.
#pragma once

#include <numeric>
#include <vector>

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace tests {

inline tensor::Tensor offsets_of(const std::vector<int>& lengths) {  // i32 [sequences+1]
  std::vector<int32_t> offsets = {0};
  for (const int length : lengths) offsets.push_back(offsets.back() + length);
  return tensor::Tensor::from(offsets);
}

inline int64_t total(const std::vector<int>& lengths) { return std::accumulate(lengths.begin(), lengths.end(), int64_t{0}); }

inline tensor::Tensor random_matrix(int64_t rows, int64_t columns, uint64_t seed) {  // f64, standard normal
  tensor::Tensor x({rows, columns}, tensor::DType::f64);
  const tensor::Random random(seed, "test");
  uint64_t index = 0;
  for (double& value : x.span<double>()) value = random.normal(index++);
  return x;
}

}  // namespace tests
