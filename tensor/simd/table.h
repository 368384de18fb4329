// The hot inner loops of the CPU as a table of functions, filled once per instruction set. Each entry works on the
// calling thread; loops over threads belong to the callers. Of the standard library only <cstdint>: see cmake/isa.cmake.
#pragma once

#include <cstdint>

#include "tensor/attention.h"
#include "tensor/gemm.h"
#include "tensor/philox.h"

namespace tensor {

template <class T>
struct AdamStep {
  T learning_rate, beta1, beta2, epsilon;
  T correction1, correction2;  // 1 / (1 - beta^t)
  T coupled_decay;             // added to the gradient: g + decay w (Adam)
  T decoupled_decay;           // w -= lr decay w (AdamW)
  T gradient_scale;            // from clipping
};

// A product with a longer k is a sum of pieces of gemm_depth(k), added in order: equal ones, so that none is tiny.
inline constexpr int64_t kGemmDepth = 256;
constexpr int64_t gemm_depth(int64_t k) {
  const int64_t pieces = (k + kGemmDepth - 1) / kGemmDepth;
  return pieces <= 1 ? kGemmDepth : ((k + pieces - 1) / pieces + 7) / 8 * 8;
}

// Memory that the next product reads: fetched into the cache while this one computes.
template <class T>
struct GemmAhead {
  const T* data = nullptr;
  int64_t rows = 0, columns = 0, stride = 0;
};

template <class T>
struct Simd {
  // C[m,n] = op(A) op(B) with an epilogue; see gemm.h. For small products: B is packed panel by panel on the stack.
  void (*gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
               int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue);
  // The parts of a large one. packed is [ceil(n / gemm_panel), k, gemm_panel], filled up with zeros; k <= kGemmDepth.
  int64_t gemm_panel;
  void (*gemm_pack)(bool transpose_b, int64_t n, int64_t k, const T* b, int64_t ldb, T* packed);
  void (*gemm_packed)(bool transpose_a, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* packed, T* c,
                      int64_t ldc, const Epilogue<T>& epilogue, const GemmAhead<T>& ahead);

  // One row, or n elements.
  T (*sum)(const T* x, int64_t n);
  T (*dot)(const T* x, const T* y, int64_t n);
  T (*maximum)(const T* x, int64_t n);                          // n >= 1
  void (*add)(const T* x, const T* y, T* z, int64_t n);         // z = x + y
  void (*multiply)(const T* x, const T* y, T* z, int64_t n);    // z = x * y
  void (*scale)(T a, const T* x, T* y, int64_t n);              // y = a x
  void (*axpy)(T a, const T* x, T* y, int64_t n);               // y += a x
  void (*round_bf16)(const T* x, T* y, int64_t n);              // y = x in bf16, ties to even; float only, else null
  void (*exp)(const T* x, T* y, int64_t n);
  T (*exp_sum)(const T* x, T shift, T* y, int64_t n);           // y = exp(x - shift), returns its sum
  T (*softmax)(const T* x, T* y, int64_t n);                    // y = softmax(x), returns log sum exp(x); y may be x
  T (*log_sum_exp)(const T* x, int64_t n);                      // n >= 1
  void (*relu)(const T* x, T* y, int64_t n);
  void (*relu_backward)(T a, const T* y, const T* dy, T* dx, int64_t n);  // dx = a dy where y > 0, else 0
  void (*layer_norm)(const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd, int64_t n);  // one row
  // One row: dx = rstd (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)); adds to dgamma and dbeta.
  void (*layer_norm_backward)(const T* x, const T* gamma, const T* dy, T mean, T rstd, T* dx, T* dgamma, T* dbeta,
                              int64_t n);
  // One row: y = x w rrms, rrms = 1 / sqrt(mean(x^2) + epsilon). Its gradient: dx = rrms (w dy - x rrms^2 mean(w dy x));
  // adds to dw.
  void (*rms_norm)(const T* x, const T* w, T epsilon, T* y, T* rrms, int64_t n);
  void (*rms_norm_backward)(const T* x, const T* w, const T* dy, T rrms, T* dx, T* dw, int64_t n);
  // y = x / (1-p) where kept, else 0. Element i (counted from first_index) is kept when the 16-bit word i % 8 of Philox
  // block i / 8 is >= threshold = round(65536 p). first_index must be a multiple of 8.
  void (*dropout)(const PhiloxKey& key, uint64_t first_index, uint32_t threshold, T keep_scale, const T* x, T* y, int64_t n);
  void (*adam)(const AdamStep<T>& step, T* w, const T* g, T* m, T* v, int64_t n);
  void (*sgd)(T learning_rate, T momentum, T coupled_decay, T gradient_scale, T* w, const T* g, T* velocity, int64_t n);
  // y[0..columns) = sum over e of weight[e] * x[index[e] * columns ...]; weight may be null (1). A row of a sparse product.
  void (*gather_sum)(const int32_t* index, const T* weight, int64_t count, const T* x, int64_t columns, T* y);
  // words[i] = the 16-bit word of element first_index + i, as in `dropout`; first_index must be a multiple of 8. Up to 63
  // more words are written.
  void (*dropout_words)(const PhiloxKey& key, uint64_t first_index, uint16_t* words, int64_t n);
  // The steps of attention.h. s [m, n] = x y^T; with `lower` only what has j <= i need be there.
  void (*attention_dots)(int64_t m, int64_t n, int64_t width, Rows<const T> x, Rows<const T> y, bool lower, T* s);
  // c [m, width] = (add ? c : 0) + A b [k, width]; A is [m, k] or, transposed, [k, m].
  void (*attention_product)(bool transposed, int64_t m, int64_t k, Rows<const T> a, Rows<const T> b, int64_t width,
                            bool add, Rows<T> c);
  // From q k^T to the probabilities, in place, and to those that dropout keeps. keys >= 1.
  void (*attention_softmax)(const AttentionHead<T>& head, T* p);
  // From the gradient of the kept probabilities to db, in place, and the kept probabilities again.
  void (*attention_softmax_backward)(const AttentionHead<T>& head, const T* p, T* db);
  // One query, all heads: q and out are [heads * width], keys[j] points to a row of [keys | values], each as long as q; out =
  // softmax(scale (q k^T + bias)) v. bias is [count, heads] or null; p has room for 16 elements a key.
  void (*attend_row)(int64_t heads, int64_t width, int64_t count, const T* q, const T* const* keys, T scale, const T* bias, T* p,
                     T* out);
  // The sums along the diagonals of x [n, n], added to y [2n + 2]: y[n + 1 + d] += sum over i of x[i, i + d], for d from
  // -n-1 to n.
  void (*add_diagonals)(const T* x, int64_t n, T* y);
  int64_t (*argmin)(const T* x, int64_t n);  // lowest index on ties
  // Multiply-adds in registers, starting from sink[0..3); returns their number of operations. For measuring the machine.
  int64_t (*peak)(int64_t repeats, T* sink);
};

}  // namespace tensor
