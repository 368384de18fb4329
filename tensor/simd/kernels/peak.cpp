// Multiply-adds in registers only: what the arithmetic units of one core can do at best.
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

// As many independent sums as a register block of a matrix product has: enough to hide the latency of the units.
template <class T>
int64_t peak(int64_t repeats, T* sink) {
  constexpr int kSums = 2 * kBlockRows;
  Vector<T> sum[kSums];
#pragma GCC unroll 32
  for (int i = 0; i < kSums; ++i) sum[i] = broadcast<T>(sink[0] + static_cast<T>(i));
  const Vector<T> factor = broadcast<T>(sink[1]), term = broadcast<T>(sink[2]);
  for (int64_t r = 0; r < repeats; ++r) {
#pragma GCC unroll 32
    for (int i = 0; i < kSums; ++i) sum[i] = sum[i] * factor + term;
  }
  Vector<T> total{};
#pragma GCC unroll 32
  for (int i = 0; i < kSums; ++i) total += sum[i];
  sink[0] = sum_lanes<T>(total);
  return repeats * kSums * kLanes<T> * 2;
}

}  // namespace

template <class T>
void fill_peak(Simd<T>& table) {
  table.peak = peak<T>;
}
template void fill_peak(Simd<float>&);
template void fill_peak(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
