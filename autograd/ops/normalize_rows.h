// Rows scaled to length 1.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[i] = x[i] / max(|x[i]|, floor) for x [n,d], floor > 0. Gradient: (dy - y (y.dy)) / |x|, or dy / floor for shorter rows.
Var normalize_rows(const Var& x, double floor = 1e-12);

namespace normalize_rows_kernels {  // seam between normalize_rows.cpp (CPU) and normalize_rows.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, double floor, Tensor& y, Tensor& norm)> forward;  // norm [n] = |x[i]|
extern tensor::Kernel<void(const Tensor& y, const Tensor& norm, double floor, const Tensor& dy, Tensor& dx)> backward;
}  // namespace normalize_rows_kernels

}  // namespace autograd
