// bf16 copies of matrices on the device.
#pragma once

#include "tensor/cuda/runtime.h"

namespace tensor::cuda {

struct RoundedMatrix {
  Tensor memory;       // bf16
  int64_t stride = 0;  // elements from row to row; whole groups of 8, which tensor cores read at once
  const void* data() const { return memory.raw(); }
};

// x [rows, columns] at distance `stride`, each element rounded to the nearest, ties to even.
RoundedMatrix round_matrix(const float* x, int64_t rows, int64_t columns, int64_t stride);

}  // namespace tensor::cuda
