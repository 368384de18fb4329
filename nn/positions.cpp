#include "nn/positions.h"

#include <cmath>

#include "tensor/cuda/replays.h"

namespace nn {

using tensor::Tensor;

// position(token, begin, end) of every token of the sequence [begin, end).
template <class Position>
static Tensor position_of_tokens(const Tensor& offsets, Position position) {
  const auto ends = offsets.span<int32_t>();
  Tensor positions({ends.empty() ? 0 : ends.back()}, tensor::DType::i32);
  tensor::cuda::every_run({positions}, [=]() mutable {
    const auto bounds = offsets.span<int32_t>();
    int32_t* p = positions.data<int32_t>();
    for (size_t s = 0; s + 1 < bounds.size(); ++s)
      for (int32_t token = bounds[s]; token < bounds[s + 1]; ++token) p[token] = position(token, bounds[s], bounds[s + 1]);
  });
  return positions;
}

Tensor positions_of(const Tensor& offsets) {
  return position_of_tokens(offsets, [](int32_t token, int32_t begin, int32_t) { return token - begin; });
}

Tensor positions_from_end(const Tensor& offsets) {
  return position_of_tokens(offsets, [](int32_t token, int32_t, int32_t end) { return end - 1 - token; });
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
