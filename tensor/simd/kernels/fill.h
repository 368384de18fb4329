// Each source of this folder fills its part of the table of one instruction set; what the entries do is written at the table
// (tensor/simd/table.h).
#pragma once

#include "tensor/simd/table.h"

namespace tensor::kernels::GENREC_ISA {

template <class T>
void fill_gemm(Simd<T>& table);
template <class T>
void fill_elementwise(Simd<T>& table);
template <class T>
void fill_rows(Simd<T>& table);
template <class T>
void fill_attention(Simd<T>& table);
template <class T>
void fill_dropout(Simd<T>& table);
template <class T>
void fill_optimizer(Simd<T>& table);
template <class T>
void fill_peak(Simd<T>& table);

// Table entries that other sources of this folder use.
template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
          int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue);

void fill(Simd<float>& table);
void fill(Simd<double>& table);

}  // namespace tensor::kernels::GENREC_ISA
