// Elements in bf16 on the device.
#pragma once

#include "tensor/cuda/runtime.h"
#include "tensor/precision.h"

namespace tensor::cuda {

struct RoundedMatrix {
  Tensor memory;       // bf16
  int64_t stride = 0;  // elements from row to row; whole groups of 8, which tensor cores read at once
  const void* data() const { return memory.raw(); }
};

// x [rows, columns] at distance `stride`, each element rounded to the nearest, ties to even.
RoundedMatrix round_matrix(const float* x, int64_t rows, int64_t columns, int64_t stride);

// Where a kernel writes what it writes in fp32 in bf16 as well (Tensor::rounded()); nowhere without memory.
struct RoundedElements {
  bf16* memory = nullptr;
  __device__ void set(int64_t i, float x) const {
    if (memory) memory[i].bits = bf16_bits(x);
  }
};
inline RoundedElements rounded_elements(Tensor& rounded) { return {rounded.defined() ? rounded.data<bf16>() : nullptr}; }

}  // namespace tensor::cuda
