// Small products, one for each head of an attention layer, of parts of its weights: the lists of them that
// joined_projections.h needs, for the CPU and for CUDA.
#pragma once

#include <array>

#include "autograd/ops/joined_projections.h"

namespace autograd::joined_projections_kernels {

// A matrix of each head, `step` elements after that of the head before; 0: all heads have the same one.
template <class T>
struct OfHeads {
  T* data = nullptr;
  int64_t stride = 0, step = 0;
};

struct Sizes {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
};

// c_h [m, n] = op(a_h) op(b_h) + op(a2_h) op(b2_h) for each head, or, if `sum`, one c that is the sum of these. a2 may be null.
template <class T>
struct WeightProduct {
  Sizes size{};
  int64_t heads = 0;
  OfHeads<const T> a, b;
  OfHeads<T> c;
  OfHeads<const T> a2 = {}, b2 = {};
  bool sum = false;
};

// Where each head's part is; T is const for what is read.
template <class T>
struct Parts {
  OfHeads<T> q, k, v, o, user_q, user_k, user_v;

  Parts(const Weights& x, int64_t heads) {
    const int64_t all = x.out.rows(), w = all / heads, first = x.q.defined() ? 0 : all, stride = first + 2 * all;
    T *kv = at(x.kv) + first, *user = x.user.defined() ? at(x.user) : nullptr;
    q = x.q.defined() ? OfHeads<T>{at(x.q), all, w} : OfHeads<T>{at(x.kv), stride, w};
    k = {kv, stride, w}, v = {kv + all, stride, w};
    o = {at(x.out), x.out.columns(), w * x.out.columns()};
    if (user) user_q = {user, 3 * w, 0}, user_k = {user + w, 3 * w, 0}, user_v = {user + 2 * w, 3 * w, 0};
  }
  static T* at(const Tensor& x) { return reinterpret_cast<T*>(x.raw()); }
};

// [keys_h .., user's] and [values_h, user's], or their gradients.
template <class T>
struct Joined {
  OfHeads<T> keys, values, user_keys, user_values;

  Joined(const Tensor& all_keys, const Tensor& all_values, int64_t heads, int64_t m, int64_t e) {
    T *pk = Parts<T>::at(all_keys), *pv = Parts<T>::at(all_values);
    keys = {pk, all_keys.columns(), m}, user_keys = {pk + heads * m, all_keys.columns(), 0};
    values = {pv, all_values.columns(), m * all_values.columns()}, user_values = {pv + e, values.stride, values.step};
  }
};

template <class T>
using WeightProducts = std::array<WeightProduct<T>, 7>;  // those of no heads do nothing

template <class T>
WeightProducts<T> forward_products(const Weights& x, int64_t heads, const Tensor& keys, const Tensor& values) {
  const Parts<const T> of(x, heads);
  const int64_t d = keys.rows(), m = x.kv.rows(), w = x.out.rows() / heads, e = x.out.columns();
  const Joined<T> to(keys, values, heads, m, e);
  const int64_t one = x.user.defined() ? 1 : 0;
  return {{{{false, true, d, m, w}, heads, of.q, of.k, to.keys},
           {{false, false, m, e, w}, heads, of.v, of.o, to.values},
           {{false, true, d, m, w}, one, of.user_q, of.user_k, to.user_keys},
           {{false, false, m, e, w}, one * heads, of.user_v, of.o, to.user_values}}};
}

template <class T>
WeightProducts<T> backward_products(const Weights& x, int64_t heads, const Tensor& dkeys, const Tensor& dvalues,
                                  const Weights& gradients) {
  const Parts<const T> of(x, heads);
  const Parts<T> to(gradients, heads);
  const int64_t d = dkeys.rows(), m = x.kv.rows(), w = x.out.rows() / heads, e = x.out.columns();
  const Joined<const T> dy(dkeys, dvalues, heads, m, e);
  const int64_t one = x.user.defined() ? 1 : 0;
  return {{{{false, false, d, w, m}, heads, dy.keys, of.k, to.q},
           {{true, false, m, w, d}, heads, dy.keys, of.q, to.k},
           {{false, true, m, w, e}, heads, dy.values, of.o, to.v},
           {{true, false, w, e, m}, heads, of.v, dy.values, to.o, of.user_v, dy.user_values},
           {{false, false, d, w, m}, one, dy.user_keys, of.user_k, to.user_q},
           {{true, false, m, w, d}, one, dy.user_keys, of.user_q, to.user_k},
           {{false, true, m, w, e}, one * heads, dy.user_values, of.o, to.user_v, {}, {}, true}}};
}

}  // namespace autograd::joined_projections_kernels
