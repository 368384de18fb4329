// What the CPU kernels of the attention operations share: rows of a matrix, the packing of probabilities, scratch memory.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/attention.h"
#include "tensor/tensor.h"

namespace autograd {

using tensor::AttentionHead;
using tensor::Rows;

// The elements of a matrix from (row, column) on.
template <class T>
Rows<const T> rows_from(const tensor::Tensor& matrix, int64_t row, int64_t column) {
  return {matrix.data<T>() + row * matrix.columns() + column, matrix.columns()};
}
template <class T>
Rows<T> rows_from(tensor::Tensor& matrix, int64_t row, int64_t column) {
  return {matrix.data<T>() + row * matrix.columns() + column, matrix.columns()};
}

// Where the probabilities of each sequence begin when they are packed [sequence][head][query][key]; the last entry is the
// size. i64 [sequences + 1].
tensor::Tensor probability_starts(const tensor::Tensor& q_offsets, const tensor::Tensor& k_offsets, int heads);

// Uninitialised memory of the calling thread, valid until its next call.
template <class T>
T* thread_scratch(int64_t size) {
  static thread_local std::vector<T> memory;
  if (static_cast<int64_t>(memory.size()) < size) memory.resize(size);
  return memory.data();
}

}  // namespace autograd
