#include "nn/positions.h"

#include <cmath>

namespace nn {

using tensor::Tensor;

Tensor positions_of(const Tensor& offsets) {
  const std::vector<int32_t> ends = offsets.to_vector<int32_t>();
  Tensor positions({ends.empty() ? 0 : ends.back()}, tensor::DType::i32);
  int32_t* p = positions.data<int32_t>();
  for (size_t s = 0; s + 1 < ends.size(); ++s)
    for (int32_t token = ends[s]; token < ends[s + 1]; ++token) p[token] = token - ends[s];
  return positions;
}

Tensor positions_from_end(const Tensor& offsets) {
  const std::vector<int32_t> ends = offsets.to_vector<int32_t>();
  Tensor positions({ends.empty() ? 0 : ends.back()}, tensor::DType::i32);
  int32_t* p = positions.data<int32_t>();
  for (size_t s = 0; s + 1 < ends.size(); ++s)
    for (int32_t token = ends[s]; token < ends[s + 1]; ++token) p[token] = ends[s + 1] - 1 - token;
  return positions;
}

Tensor sinusoids(int64_t positions, int64_t width, tensor::DType dtype) {
  tensor::require(width > 0 && width % 2 == 0, "sinusoids: the width must be even, it is ", width);
  Tensor table({positions, width}, tensor::DType::f64);
  double* p = table.data<double>();
  for (int64_t pos = 0; pos < positions; ++pos) {
    for (int64_t k = 0; k < width; k += 2) {
      const double angle = static_cast<double>(pos) / std::pow(10000.0, static_cast<double>(k) / static_cast<double>(width));
      p[pos * width + k] = std::sin(angle), p[pos * width + k + 1] = std::cos(angle);
    }
  }
  return table.to(dtype);
}

}  // namespace nn
