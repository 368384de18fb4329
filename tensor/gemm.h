// Dense matrix products on the CPU. The result is the same bits for any number of threads.
#pragma once

#include <cstdint>

#include "tensor/precision.h"

namespace tensor {

// What happens to a finished block of C before it is written: C = relu?( A B + bias + (accumulate ? C : 0) ).
template <class T>
struct Epilogue {
  const T* bias = nullptr;  // [n], added to every row
  bool accumulate = false;
  bool relu = false;
};

// C[m,n] = op(A) op(B), row-major with leading dimensions. op(A) is [m,k]: A is [m,k] with lda >= k, or, transposed, [k,m]
// with lda >= m; op(B) is [k,n] likewise. Uses all threads. Without transpose_a a row of C is the same bits whatever m is; with
// it, a long k and small m*n are split by size and added in order. With Precision::bf16, in float, both inputs are rounded to
// bf16 while they are packed; not in double.
template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
          int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue = {}, Precision precision = Precision::fp32);

// The same on the calling thread only, for use inside a parallel loop (attention, batched products).
template <class T>
void gemm_serial(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
                 int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue = {},
                 Precision precision = Precision::fp32);

}  // namespace tensor
