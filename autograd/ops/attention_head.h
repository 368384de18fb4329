// Attention of one sequence in one head on the calling thread, forward and backward: what every CPU attention kernel is made of.
#pragma once

#include <cstdint>

namespace autograd {

// Rows of `width` neighbouring elements, `stride` elements apart: some columns of a row-major matrix.
template <class T>
struct Rows {
  T* data;
  int64_t stride;
  T* operator[](int64_t row) const { return data + row * stride; }
};

// scores [queries, keys] = scale (q k^T + bias); query i sees the keys <= i if causal. No keys: the output is 0.
template <class T>
struct AttentionHead {
  int64_t queries, keys, width;
  Rows<const T> q, k, v;
  T scale;
  bool causal = false;
  const T* bias = nullptr;  // [queries, keys], not yet scaled; null: none
};

// p [queries, keys] = softmax of the scores, 0 where not seen; out = p v.
template <class T>
void attend(const AttentionHead<T>& head, T* p, Rows<T> out);

// Assigns the gradients of q, k, v and, into db [queries, keys], that of the bias.
template <class T>
void attend_backward(const AttentionHead<T>& head, const T* p, Rows<const T> dout, Rows<T> dq, Rows<T> dk, Rows<T> dv, T* db);

}  // namespace autograd
