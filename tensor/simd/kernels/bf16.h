// Rounding to bf16: the upper half of a float, ties to even, a NaN stays one.
#pragma once

#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

// In the upper half of each lane the bf16 value; the lower half is of no meaning.
inline Vector<uint32_t> rounded_bits(Vector<float> x) {
  const Vector<uint32_t> bits = reinterpret_cast<Vector<uint32_t>>(x);
  const Vector<uint32_t> rounded = bits + (0x7fffu + (bits >> 16 & 1u));
  return x == x ? rounded : bits | 0x400000u;
}

}  // namespace tensor::kernels::GENREC_ISA
