// Attention of one sequence in one head, the unit that the CPU kernels of the attention operations are made of: the problem,
// and its solution on the calling thread.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/precision.h"

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
  Precision precision = Precision::fp32;  // of the products of floats
};

// A problem and where its results go.
template <class T>
struct Attend {
  AttentionHead<T> head;
  T* p;         // [queries, keys]
  Rows<T> out;  // [queries, width]
};

//   s = q k^T,  p = softmax(scale (s + bias)),  out = kept v,    kept = p, or after dropout, scaled
// p is 0 where not seen and negative where dropped. No keys: out = 0. Several problems, as of all heads of a sequence, may be
// faster together; none of their results may overlap.
template <class T>
void attend(std::span<const Attend<T>> problems);

template <class T>
struct AttendBackward {
  AttentionHead<T> head;  // needs no bias
  const T* p;             // of attend
  Rows<const T> dout;
  Rows<T> dq, dk, dv;
  T* db;                  // [queries, keys]
};

//   dkept = dout v^T,  db = scale p (dp - sum(p dp)),  dq = db k,  dk = db^T q,  dv = kept^T dout
// Assigns dq, dk, dv and, into db, the gradient of the bias. Where dk and dv are the same rows they get the sum of both.
template <class T>
void attend_backward(std::span<const AttendBackward<T>> problems);

// With bf16 the two sides of each of these six products are rounded to bf16 first: q, k, v, dout, and copies of kept and db.
// All else is fp32, p and db as they are given back too.

}  // namespace tensor
