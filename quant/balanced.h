// Assignment of rows to clusters of equal size: the step of a size-constrained k-means (LETTER). Greedy, not optimal.
#pragma once

#include "tensor/tensor.h"

namespace quant {

// i32 [n], the cluster of each row, for distances f32 or f64 [n, K]: pairs are taken in order of distance (then row, then
// cluster) while the cluster has room. Sizes are n / K, rounded down or up. Memory and time grow with n K log(n K).
tensor::Tensor balanced_assignment(const tensor::Tensor& distances);

}  // namespace quant
