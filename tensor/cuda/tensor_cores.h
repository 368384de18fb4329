// The instructions for tensor cores (compute capability 8.0 and later), and nothing else: product_tile.h is built on them.
// The header of this name under tests/cuda/emulation does the same on the CPU.
#pragma once

#include "tensor/cuda/launch.h"

namespace tensor::cuda {

// Two numbers rounded to bf16, ties to even, the first in the low half.
__device__ inline uint32_t pack_bf16(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// By all lanes of a warp: sums [16, 8] += A [16, 16] B [16, 8]; A and B are bf16, the sums fp32. What lane l holds (PTX ISA,
// "Matrix Fragments for mma.m16n8k16"), with g = l / 4 and t = 2 (l % 4), two neighbouring elements of bf16 per register:
//   a[0] = A[g, t..t+1]      a[1] = A[g+8, t..t+1]      a[2] = A[g, t+8..t+9]      a[3] = A[g+8, t+8..t+9]
//   b[0] = B[t..t+1, g]      b[1] = B[t+8..t+9, g]
//   sums[0..1] = [g, t..t+1]      sums[2..3] = [g+8, t..t+1]
__device__ inline void multiply_add(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace tensor::cuda
