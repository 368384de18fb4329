// Matrices side by side.
#pragma once

#include <vector>

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y = [parts[0] | parts[1] | ...]: parts [.., d_k] with the same leading sizes; y is [.., sum of d_k].
Var concat_columns(const std::vector<Var>& parts);

namespace concat_columns_kernels {  // seam between concat_columns.cpp (CPU) and concat_columns.cu (CUDA)
// y[:, to .. to + count) = x[:, from .. from + count); the other columns of y stay.
extern tensor::Kernel<void(const Tensor& x, int64_t from, int64_t count, Tensor& y, int64_t to)> copy;
}  // namespace concat_columns_kernels

}  // namespace autograd
