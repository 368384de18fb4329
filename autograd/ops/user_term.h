// The user's share in relation-aware attention (Eqs. 15-17 of MMGRec). The scalars a, b, g of a user scale what all heads have in
// common, U_Q, U_K, U_V. With joined projections (joined_projections.h) that are bilinear in the items x:
//   scores of head h = x (Q_h K_h^T + a b U_Q U_K^T) x^T,   output = sum over h of P_h x (V_h + g U_V) O_h,
// so the user's share is a scaled block of columns that is added to the others, before attention and after it.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// z [rows, (blocks+1)*width] -> y [rows, blocks*width], y_j = z_j + f z_last for each block j of columns, where f of sequence s
// is the product of scalars[s, first .. last). scalars [sequences, n], offsets i32 [sequences+1].
Var user_term(const Var& z, const Var& scalars, int first, int last, const Tensor& offsets, int blocks);

namespace user_term_kernels {
struct Factors {
  int first, last;  // columns of the scalars
};
// The product of a sequence's factors, but for the one in column `without`.
template <class T>
constexpr T product_of(const T* scalars, Factors factors, int without = -1) {
  T product = 1;
  for (int i = factors.first; i < factors.last; ++i) product *= i == without ? T{1} : scalars[i];
  return product;
}
extern tensor::Kernel<void(const Tensor& z, const Tensor& scalars, Factors factors, const Tensor& offsets, Tensor& y)> forward;
extern tensor::Kernel<void(const Tensor& z, const Tensor& scalars, Factors factors, const Tensor& offsets, const Tensor& dy,
                           Tensor& dz, Tensor& dscalars)>
    backward;
}  // namespace user_term_kernels

}  // namespace autograd
