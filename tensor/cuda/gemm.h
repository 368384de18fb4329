// Dense products on the device, in fp32 without TF32, or of inputs rounded to bf16 with sums in fp32. Row-major; op(A) is
// [m,k], op(B) [k,n] as in tensor/gemm.h.
#pragma once

#include <cstdint>

#include "tensor/cuda/rounding.h"
#include "tensor/precision.h"

namespace tensor::cuda {

// C[m,n] = op(A) op(B) + (accumulate ? C : 0).
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
          int64_t ldb, float* c, int64_t ldc, bool accumulate = false);
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const RoundedMatrix& a, const RoundedMatrix& b,
          float* c, int64_t ldc, bool accumulate = false);

// The same for `batch` dense products that stand one after the other.
void gemm_batched(bool transpose_a, bool transpose_b, int64_t batch, int64_t m, int64_t n, int64_t k, const float* a,
                  const float* b, float* c, Precision precision = Precision::fp32);

}  // namespace tensor::cuda
