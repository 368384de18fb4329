// Squared distances between rows and codes, and the nearest code of every row. No gradients: codes are integers.
#pragma once

#include "tensor/kernel.h"

namespace quant {

using tensor::Tensor;

// d[i,k] = |x_i|^2 + |e_k|^2 - 2 x_i.e_k, clamped at 0, all in f32 or all in f64. x [n,d], codes [K,d] -> [n,K].
Tensor squared_distances(const Tensor& x, const Tensor& codes);

struct Nearest {
  Tensor index;     // i32 [n], the lowest one on ties
  Tensor distance;  // [n], squared, as above
};
Nearest nearest(const Tensor& x, const Tensor& codes);

namespace nearest_kernels {  // seams between nearest.cpp (CPU) and nearest.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, const Tensor& codes, Tensor& distances)> squared_distances;
extern tensor::Kernel<void(const Tensor& x, const Tensor& codes, Tensor& index, Tensor& distance)> nearest;
}  // namespace nearest_kernels

}  // namespace quant
