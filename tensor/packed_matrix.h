// The right side of many matrix products, laid out once for all of them: the weights of a trained model, which products with
// few rows would spend their time on reading. On the CPU.
#pragma once

#include "tensor/tensor.h"

namespace tensor {

class PackedMatrix {
 public:
  PackedMatrix() = default;  // undefined
  explicit PackedMatrix(const Tensor& b, bool transposed = false);  // a copy of b, or of its transpose; f32 or f64

  bool defined() const { return values_.defined(); }
  // x B + bias, or relu(x B + bias): x [.., k] -> [.., n], the same bits as a product with the matrix itself. bias may be
  // undefined.
  Tensor product(const Tensor& x, const Tensor& bias = {}, bool relu = false) const;

 private:
  int64_t k_ = 0, n_ = 0;
  int64_t panel_ = 0;  // of the instruction set that it was laid out for
  Tensor values_;      // see gemm.cpp
};

}  // namespace tensor
