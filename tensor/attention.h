// Attention of one sequence in one head, the unit that the CPU kernels of the attention operations are made of: the problem.
// Solved on the calling thread by simd<T>().attend and attend_backward (tensor/simd/table.h).
#pragma once

#include <cstdint>

namespace tensor {

// Rows of neighbouring elements, `stride` elements apart: some columns of a row-major matrix.
template <class T>
struct Rows {
  T* data;
  int64_t stride;
  [[gnu::always_inline]] T* operator[](int64_t row) const { return data + row * stride; }
};

// Dropout of the probabilities [queries, keys]: element e is kept, times `scale`, where words[e] >= threshold, else 0.
template <class T>
struct ProbabilityDropout {
  T* kept = nullptr;  // [queries, keys], scratch memory; null: no dropout
  T scale = 1;
  const uint16_t* words = nullptr;  // of simd<T>().dropout_words, 32 more must be readable; the backward pass needs none
  uint32_t threshold = 0;
};

// scores [queries, keys] = scale (q k^T + bias); query i sees the keys <= i if causal.
template <class T>
struct AttentionHead {
  int64_t queries, keys, width;
  Rows<const T> q, k, v;
  T scale;
  bool causal = false;
  Rows<const T> bias = {nullptr, 0};  // [queries, keys], not yet scaled; null: none. A stride of -1: one value per distance.
  ProbabilityDropout<T> dropout = {};
};

}  // namespace tensor
