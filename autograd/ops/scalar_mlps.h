// A few numbers for every row, each by a small network of its own.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// relu(x W) v, without biases.
struct ScalarMlp {
  Var hidden, out;  // W [width, hidden], v [hidden, 1]
};

// y[r,i] = relu(x[r,:] W_i) v_i for x [rows, width] and one to kMostScalars networks of one hidden width; y is
// [rows, networks]. In bf16 too the products are fp32.
inline constexpr int kMostScalars = 4;
Var scalar_mlps(const Var& x, const std::vector<ScalarMlp>& mlps);

namespace scalar_mlps_kernels {  // seam between scalar_mlps.cpp (CPU) and scalar_mlps.cu (CUDA)
// weights are W_0, v_0, W_1, v_1, ..; hidden [rows, networks * hidden width] gets the values behind the ReLUs.
extern tensor::Kernel<void(const Tensor& x, const std::vector<Tensor>& weights, Tensor& hidden, Tensor& y)> forward;
// dx may be undefined; dweights holds the gradients of all weights one after the other.
extern tensor::Kernel<void(const Tensor& x, const std::vector<Tensor>& weights, const Tensor& hidden, const Tensor& dy,
                           Tensor& dx, Tensor& dweights)>
    backward;
}  // namespace scalar_mlps_kernels

}  // namespace autograd
