#include "tensor/cuda/rounding.h"

#include <algorithm>

#include "tensor/cuda/map.h"
#include "tensor/divide.h"
#include "tensor/precision.h"

namespace tensor::cuda {

RoundedMatrix round_matrix(const float* x, int64_t rows, int64_t columns) {
  RoundedMatrix result;
  result.stride = std::max<int64_t>(8, round_up(columns, 8));
  result.memory = scratch(rows * result.stride, DType::bf16);
  bf16* y = result.memory.data<bf16>();
  const int64_t to_stride = result.stride;
  for_each("round to bf16", rows * columns, [=] __device__(int64_t i) {
    const int64_t row = i / columns, column = i % columns;
    y[row * to_stride + column].bits = bf16_bits(x[i]);
  });
  return result;
}

}  // namespace tensor::cuda
