// The whole table of one instruction set.
#include "tensor/simd/kernels/fill.h"

namespace tensor::kernels::GENREC_ISA {

namespace {
template <class T>
void fill_all(Simd<T>& table) {
  fill_gemm(table);
  fill_elementwise(table);
  fill_rows(table);
  fill_attention(table);
  fill_dropout(table);
  fill_optimizer(table);
  fill_peak(table);
}
}  // namespace

void fill(Simd<float>& table) { fill_all(table); }
void fill(Simd<double>& table) { fill_all(table); }

}  // namespace tensor::kernels::GENREC_ISA
