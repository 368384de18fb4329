// A product of two matrices with what stands around it, in one kernel of our own: the norm of its input before it, bias, the sum
// it is added to and ReLU after it. For products that are so small that a launch counts; the others are cuBLAS (gemm.h).
#pragma once

#include <cstdint>

#include "tensor/precision.h"

namespace tensor::cuda {

// y[r,c] = relu?( sum over i of left[r,i] w[i,c] + bias[c] + (accumulate ? y[r,c] : 0) ), all f32 on the device and dense.
struct FusedProduct {
  int rows = 0, inner = 0, columns = 0;
  const float* x = nullptr;             // [rows, inner]
  const float* norm = nullptr;          // [inner]: left = factor (x norm / root mean square of x's row); null: left = x
  float epsilon = 0, factor = 1;
  const float* w = nullptr;             // [inner, columns]
  bool transposed = false;              // w is [columns, inner]
  const float* bias = nullptr;          // [columns] or null
  bool accumulate = false, relu = false;
  float* y = nullptr;                   // [rows, columns]
};

// Whether it is worth it, by size alone. It must be.
bool fused_product_pays(int64_t rows, int64_t inner, int64_t columns, Precision precision, bool relu);

// With bf16 left and w are rounded as they are read, and multiplied on tensor cores.
void fused_product(const FusedProduct& product, Precision precision);

}  // namespace tensor::cuda
