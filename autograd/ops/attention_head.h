// Attention of one sequence in one head on the calling thread, forward and backward: what the CPU attention kernels are made
// of. No checks and no loops over sequences here.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

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

// The elements of a matrix from (row, column) on.
template <class T>
Rows<const T> rows_from(const tensor::Tensor& matrix, int64_t row, int64_t column) {
  return {matrix.data<T>() + row * matrix.columns() + column, matrix.columns()};
}
template <class T>
Rows<T> rows_from(tensor::Tensor& matrix, int64_t row, int64_t column) {
  return {matrix.data<T>() + row * matrix.columns() + column, matrix.columns()};
}

// Where the probabilities of each sequence begin when they are packed [sequence][head][query][key]; the last entry is the size.
std::vector<int64_t> probability_starts(const tensor::Tensor& q_offsets, const tensor::Tensor& k_offsets, int heads);

// Uninitialised memory of the calling thread, valid until its next call.
template <class T>
T* thread_scratch(int64_t size) {
  static thread_local std::vector<T> memory;
  if (static_cast<int64_t>(memory.size()) < size) memory.resize(size);
  return memory.data();
}

}  // namespace autograd
