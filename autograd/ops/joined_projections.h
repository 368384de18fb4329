// The projections of attention over a matrix m that is both keys and values, multiplied by each other before m is read. With
// Q_h, K_h, V_h, O_h what head h has of the projections,
//   scores of head h = (x Q_h) (m K_h)^T = (x keys_h) m^T,                     keys_h = Q_h K_h^T
//   output = sum over h of P_h (m V_h) O_h = sum over h of (P_h m) values_h,   values_h = V_h O_h
// so that shared_attention over m itself will do: no keys or values are made of m. That pays where m is long or narrow.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

struct JoinedProjections {
  Var keys;    // [D, heads*M], keys_h side by side
  Var values;  // [heads*M, E], values_h one below the other
};

// q [D, heads*W], kv [M, 2*heads*W], the K_h before the V_h, out [heads*W, E].
JoinedProjections joined_projections(const Var& q, const Var& kv, const Var& out, int heads);

// The same of self-attention, qkv [D, 3*heads*W]: the Q_h, the K_h, the V_h. With `user` [D, 3*W], the U_Q, U_K, U_V that all
// heads of relation-aware attention share (see user_term.h), also what they make:
//   keys [D, (heads+1)*D] = [keys_1 .. keys_heads, U_Q U_K^T],   values [heads*D, 2*E] = [values_h, U_V O_h]
JoinedProjections joined_self_projections(const Var& qkv, const Var& out, int heads, const Var& user = {});

namespace joined_projections_kernels {

// The weights, or their gradients. Without q kv begins with it; user may be undefined.
struct Weights {
  Tensor q, kv, user, out;
};

// Kernels want tensors: q and user may be undefined.
extern tensor::Kernel<void(const Tensor& q, const Tensor& kv, const Tensor& user, const Tensor& out, int heads, Tensor& keys,
                           Tensor& values)>
    forward;
extern tensor::Kernel<void(const Tensor& q, const Tensor& kv, const Tensor& user, const Tensor& out, int heads,
                           const Tensor& dkeys, const Tensor& dvalues, Weights& gradients)>
    backward;

}  // namespace joined_projections_kernels

}  // namespace autograd
