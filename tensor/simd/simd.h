// The hot inner loops of the CPU, compiled once per instruction set (cmake/isa.cmake) and chosen at start. Each entry works on
// the calling thread; loops over threads belong to the callers. T is float or double: the gradient checks run the same source.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/gemm.h"
#include "tensor/random.h"

namespace tensor {

enum class Isa { generic, avx2, avx512 };
const char* name_of(Isa isa);
Isa isa();                            // the set in use
void set_isa(std::string_view name);  // "auto", "generic", "avx2", "avx512"; an error if this processor lacks it

template <class T>
struct AdamStep {
  T learning_rate, beta1, beta2, epsilon;
  T correction1, correction2;  // 1 / (1 - beta^t)
  T coupled_decay;             // added to the gradient: g + decay w (Adam)
  T decoupled_decay;           // w -= lr decay w (AdamW)
  T gradient_scale;            // from clipping
};

template <class T>
struct Simd {
  // C[m,n] = op(A) op(B) with an epilogue; see gemm.h.
  void (*gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
               int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue);

  // One row, or n elements.
  T (*sum)(const T* x, int64_t n);
  T (*dot)(const T* x, const T* y, int64_t n);
  T (*maximum)(const T* x, int64_t n);                          // n >= 1
  void (*add)(const T* x, const T* y, T* z, int64_t n);         // z = x + y
  void (*multiply)(const T* x, const T* y, T* z, int64_t n);    // z = x * y
  void (*scale)(T a, const T* x, T* y, int64_t n);              // y = a x
  void (*axpy)(T a, const T* x, T* y, int64_t n);               // y += a x
  void (*exp)(const T* x, T* y, int64_t n);
  T (*exp_sum)(const T* x, T shift, T* y, int64_t n);           // y = exp(x - shift), returns its sum
  T (*softmax)(const T* x, T* y, int64_t n);                    // y = softmax(x), returns log sum exp(x); y may be x
  void (*relu)(const T* x, T* y, int64_t n);
  void (*relu_backward)(const T* y, const T* dy, T* dx, int64_t n);  // dx = dy where y > 0
  void (*layer_norm)(const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd, int64_t n);  // one row
  // One row: dx = rstd (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)); adds to dgamma and dbeta.
  void (*layer_norm_backward)(const T* x, const T* gamma, const T* dy, T mean, T rstd, T* dx, T* dgamma, T* dbeta, int64_t n);
  // y = x / (1-p) where kept, else 0. Element i (counted from first_index) is kept when the 16-bit word i % 8 of Philox block
  // i / 8 is >= threshold = round(65536 p). first_index must be a multiple of 8.
  void (*dropout)(const PhiloxKey& key, uint64_t first_index, uint32_t threshold, T keep_scale, const T* x, T* y, int64_t n);
  void (*adam)(const AdamStep<T>& step, T* w, const T* g, T* m, T* v, int64_t n);
  void (*sgd)(T learning_rate, T momentum, T coupled_decay, T gradient_scale, T* w, const T* g, T* velocity, int64_t n);
  // y[0..columns) = sum over e of weight[e] * x[index[e] * columns ...]; weight may be null (1). One row of a sparse product.
  void (*gather_sum)(const int32_t* index, const T* weight, int64_t count, const T* x, int64_t columns, T* y);
  int64_t (*argmin)(const T* x, int64_t n);  // lowest index on ties
};

template <class T>
const Simd<T>& simd();  // the table of the set in use

}  // namespace tensor
