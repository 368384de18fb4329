// Gated recurrent units over ragged batches: the recurrence alone, the products with the inputs are the caller's.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// Cho et al. (2014), with the reset after the product: for the tokens of each sequence in order, h before the first = 0,
//   r = sigmoid(x_r + h U_r)   z = sigmoid(x_z + h U_z)   n = tanh(x_n + r (h U_n + c))   h = (1 - z) n + z h
// x [tokens, 3*width] holds x_r, x_z, x_n side by side (inputs times their weights, with biases), u [width, 3*width] U_r, U_z,
// U_n; c is [width], offsets i32 [sequences+1]. The result is h after every token, [tokens, width].
Var gru(const Var& x, const Var& u, const Var& c, const Tensor& offsets);

namespace gru_kernels {
// gates [tokens, 4*width] = r, z, n, h U_n + c of every token, kept for the backward pass.
extern tensor::Kernel<void(const Tensor& x, const Tensor& u, const Tensor& c, const Tensor& offsets, Tensor& h, Tensor& gates)>
    forward;
extern tensor::Kernel<void(const Tensor& u, const Tensor& offsets, const Tensor& h, const Tensor& gates, const Tensor& dh,
                           Tensor& dx, Tensor& du, Tensor& dc)>
    backward;
}  // namespace gru_kernels

}  // namespace autograd
