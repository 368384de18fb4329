// The right side of many matrix products, laid out once for all of them: the weights of a trained model, which products with
// few rows would spend their time on reading. On the CPU.
#pragma once

#include "tensor/precision.h"
#include "tensor/tensor.h"

namespace tensor {

class PackedMatrix {
 public:
  PackedMatrix() = default;  // undefined
  // A copy of b, or of its transpose; f32 or f64. With bf16, f32 values are rounded, and so is x in every product.
  explicit PackedMatrix(const Tensor& b, bool transposed = false, Precision precision = Precision::fp32);

  bool defined() const { return values_.defined(); }
  // x B + bias, or relu(x B + bias): x [.., k] -> [.., n], the same bits as a product with the matrix itself in that precision. bias may be
  // undefined.
  Tensor product(const Tensor& x, const Tensor& bias = {}, bool relu = false) const;

 private:
  int64_t k_ = 0, n_ = 0;
  int set_ = 0;          // the instruction set that it was laid out for
  bool rounded_ = false;
  Tensor values_;        // see gemm.cpp; of tiles: see tile_product.h
};

}  // namespace tensor
