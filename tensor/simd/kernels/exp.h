// exp of a vector, inline: used by exp, exp_sum and softmax. -inf and very negative values give 0, large ones inf;
// NaN stays NaN.
#pragma once

#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

// exp(x) = 2^n e^f with n = round(x / ln 2), |f| <= ln 2 / 2. Adding 1.5 * 2^(mantissa bits) rounds to an integer that then
// stands in the low bits. 2^n is applied in two factors, so that n beyond the exponents over- and underflows rightly.
template <class T>
struct ExpRange;
template <>
struct ExpRange<float> {
  static constexpr float low = -110, high = 90, log2e = 1.44269504088896341f, magic = 12582912;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr int mantissa_bits = 23, bias = 127;
  // e^f - 1 - f over f^2 on |f| <= ln 2 / 2 (Cephes expf), from the highest power.
  static constexpr float coefficients[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                           4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
};
template <>
struct ExpRange<double> {
  static constexpr double low = -760, high = 720, log2e = 1.44269504088896340736, magic = 6755399441055744;
  static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
  static constexpr int mantissa_bits = 52, bias = 1023;
  // 1/13! ... 1/2!
  static constexpr double coefficients[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                            1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                            1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
};

template <class T>
inline Vector<T> exp_of(Vector<T> x) {
  using Range = ExpRange<T>;
  using Signed = Vector<typename Bits<T>::Signed>;
  using Unsigned = Vector<typename Bits<T>::Unsigned>;
  x = x < Range::low ? broadcast<T>(Range::low) : x;
  x = x > Range::high ? broadcast<T>(Range::high) : x;
  const Vector<T> shifted = x * Range::log2e + Range::magic;
  const Vector<T> n = shifted - Range::magic;
  const Vector<T> f = (x - n * Range::ln2_high) - n * Range::ln2_low;
  Vector<T> p = broadcast<T>(Range::coefficients[0]);
  for (unsigned i = 1; i < sizeof(Range::coefficients) / sizeof(T); ++i) p = p * f + Range::coefficients[i];
  p = p * (f * f) + f + T{1};
  const Unsigned power = reinterpret_cast<Unsigned>(shifted) - reinterpret_cast<Unsigned>(broadcast<T>(Range::magic));
  const Unsigned half = reinterpret_cast<Unsigned>(reinterpret_cast<Signed>(power) >> 1);
  const Vector<T> first = reinterpret_cast<Vector<T>>((half + Range::bias) << Range::mantissa_bits);
  const Vector<T> second = reinterpret_cast<Vector<T>>((power - half + Range::bias) << Range::mantissa_bits);
  return p * first * second;
}

}  // namespace tensor::kernels::GENREC_ISA
