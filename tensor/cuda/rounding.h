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

// x [rows, columns], each element rounded to the nearest, ties to even. Without padding where columns are whole groups of 8.
RoundedMatrix round_matrix(const float* x, int64_t rows, int64_t columns);

// Where a kernel writes what it writes in fp32 in bf16 as well (Tensor::rounded()); nowhere without memory.
struct RoundedElements {
  bf16* memory = nullptr;
  __device__ void set(int64_t i, float x) const {
    if (memory) memory[i].bits = bf16_bits(x);
  }
  RoundedElements from(int64_t first) const { return {memory ? memory + first : nullptr}; }
};
inline RoundedElements rounded_elements(Tensor rounded) { return {rounded.defined() ? rounded.data<bf16>() : nullptr}; }

}  // namespace tensor::cuda
