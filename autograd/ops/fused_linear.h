// Products at inference with what stands before and after them, on a GPU in one kernel where that pays
// (tensor/cuda/fused_product.h). No derivative.
#pragma once

#include "tensor/kernel.h"

namespace autograd {

using tensor::Tensor;

struct FusedLinear {
  Tensor norm = {};      // [in]: x is first normalised, as rms_norm(x, norm, epsilon) does; undefined: it is not
  double epsilon = 1e-6;
  double factor = 1;     // and then scaled
  bool transpose_w = false;  // w is [out, in]
  bool relu = false;     // in the end
};

// x [.., in], w [in, out], bias [out] or undefined -> [.., out]
Tensor fused_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const FusedLinear& options = {});

// sum += x w, for sum [.., out]
void add_linear(const Tensor& x, const Tensor& w, Tensor& sum);

namespace fused_linear_kernels {  // seam between fused_linear.cpp (CPU) and fused_linear.cu (CUDA)
// One after the other, on either device. With `accumulate`, which goes with neither bias nor ReLU, y is added to.
void in_steps(const Tensor& x, const Tensor& w, const Tensor& bias, const FusedLinear& options, bool accumulate, Tensor& y);
extern tensor::Kernel<void(const Tensor& x, const Tensor& w, const Tensor& bias, const FusedLinear& options, bool accumulate,
                           Tensor& y)>
    product;
}  // namespace fused_linear_kernels

}  // namespace autograd
