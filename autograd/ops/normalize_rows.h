// Rows scaled to length 1.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// The least that rows are divided by: max(least, share * length), where `length` is a number on the device, which nobody waits for.
struct LengthFloor {
  double least = 1e-12;
  double share = 0;
  Tensor length = {};  // f64 [1] on the device of the rows; undefined: least alone
};

// y[i] = x[i] / max(|x[i]|, floor) for x [n,d], floor > 0. Gradient: (dy - y (y.dy)) / |x|, or dy / floor for shorter rows.
Var normalize_rows(const Var& x, const LengthFloor& floor = {});

// The root mean square length of the rows of x, f64 [1] on its device; 0 of none. Not differentiable.
Tensor typical_length(const Tensor& x);

namespace normalize_rows_kernels {  // seam between normalize_rows.cpp (CPU) and normalize_rows.cu (CUDA)
extern tensor::Kernel<void(const Tensor& x, const LengthFloor& floor, Tensor& y, Tensor& norm)> forward;  // norm [n] = |x[i]|
extern tensor::Kernel<void(const Tensor& y, const Tensor& norm, const LengthFloor& floor, const Tensor& dy, Tensor& dx)>
    backward;
extern tensor::Kernel<void(const Tensor& x, Tensor& length)> length;  // typical_length
}  // namespace normalize_rows_kernels

}  // namespace autograd
