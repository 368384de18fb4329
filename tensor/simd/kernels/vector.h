// One vector of the instruction set that this file is compiled for (cmake/isa.cmake), as GCC's vector extension: arithmetic
// and comparisons are operators. Everything is in a namespace of the set, so that no two sets share a symbol.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tensor::kernels::GENREC_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
inline constexpr int kBlockRows = 12;  // rows of the register block of a matrix product: 12 x 2 vectors of 32 registers
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
inline constexpr int kBlockRows = 6;
#else
inline constexpr int kVectorBytes = 16;
inline constexpr int kBlockRows = 6;
#endif

template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vector = typename VectorOf<T>::Type;

template <class T>
struct Bits;  // integers of the same width, and the unsigned ones of dropout's 16-bit words
template <>
struct Bits<float> {
  using Signed = int32_t;
  using Unsigned = uint32_t;
};
template <>
struct Bits<double> {
  using Signed = int64_t;
  using Unsigned = uint64_t;
};

template <class T>
inline Vector<T> load(const T* p) {
  Vector<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
inline void store(T* p, Vector<T> v) {
  __builtin_memcpy(p, &v, sizeof v);
}
template <class T>
inline Vector<T> broadcast(T x) {
  return x - Vector<T>{};
}

// The words that decide about dropout, one per lane.
template <class T>
inline Vector<typename Bits<T>::Unsigned> widen(const uint16_t* words) {
  typedef uint16_t Narrow __attribute__((vector_size(kLanes<T> * sizeof(uint16_t))));
  Narrow narrow;
  __builtin_memcpy(&narrow, words, sizeof narrow);
  return __builtin_convertvector(narrow, Vector<typename Bits<T>::Unsigned>);
}

// sum += row * x, or row * *x: rounded once where the set has an instruction for it, and alike in both.
template <class T>
inline void multiply_add(Vector<T>& sum, Vector<T> row, T x) {
  sum += row * x;
}
template <class T>
inline void multiply_add(Vector<T>& sum, Vector<T> row, const T* x) {
  sum += row * *x;
}

// The first `count` lanes, 0 < count < kLanes; the others are zero. Memory beyond them is not touched.
#if defined(__AVX512F__)
inline Vector<float> load_part(const float* p, int64_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
}
inline Vector<double> load_part(const double* p, int64_t count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), p);
}
inline void store_part(float* p, Vector<float> v, int64_t count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
}
inline void store_part(double* p, Vector<double> v, int64_t count) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), v);
}
// (The maskz forms, here with every lane, spare GCC 12 a false warning about an uninitialised operand.)
inline Vector<float> square_root(Vector<float> v) { return _mm512_maskz_sqrt_ps(0xffff, v); }
inline Vector<double> square_root(Vector<double> v) { return _mm512_maskz_sqrt_pd(0xff, v); }
inline void multiply_add(Vector<float>& sum, Vector<float> row, float x) {
  sum = _mm512_fmadd_ps(row, _mm512_set1_ps(x), sum);
}
// The instruction loads x and spreads it over the lanes. (Of two with one x the compiler makes three.)
inline void multiply_add(Vector<float>& sum, Vector<float> row, const float* x) {
  __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(row), "m"(*x));
}
// Product of the lower halves of each 64-bit lane.
inline Vector<uint64_t> multiply_low(Vector<uint64_t> a, Vector<uint64_t> b) {
  const __m512i product = _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
  return reinterpret_cast<Vector<uint64_t>>(product);
}
#elif defined(__AVX2__)
inline __m256i mask32(int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i mask64(int64_t count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
inline Vector<float> load_part(const float* p, int64_t count) { return _mm256_maskload_ps(p, mask32(count)); }
inline Vector<double> load_part(const double* p, int64_t count) { return _mm256_maskload_pd(p, mask64(count)); }
inline void store_part(float* p, Vector<float> v, int64_t count) { _mm256_maskstore_ps(p, mask32(count), v); }
inline void store_part(double* p, Vector<double> v, int64_t count) { _mm256_maskstore_pd(p, mask64(count), v); }
inline Vector<float> square_root(Vector<float> v) { return _mm256_sqrt_ps(v); }
inline Vector<double> square_root(Vector<double> v) { return _mm256_sqrt_pd(v); }
inline Vector<uint64_t> multiply_low(Vector<uint64_t> a, Vector<uint64_t> b) {
  return reinterpret_cast<Vector<uint64_t>>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
#else
template <class T>
inline Vector<T> load_part(const T* p, int64_t count) {
  Vector<T> v{};
  for (int64_t i = 0; i < count; ++i) v[i] = p[i];
  return v;
}
template <class V, class T>
inline void store_part(T* p, V v, int64_t count) {
  for (int64_t i = 0; i < count; ++i) p[i] = v[i];
}
inline Vector<float> square_root(Vector<float> v) {
  for (int i = 0; i < kLanes<float>; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}
inline Vector<double> square_root(Vector<double> v) {
  for (int i = 0; i < kLanes<double>; ++i) v[i] = __builtin_sqrt(v[i]);
  return v;
}
inline Vector<uint64_t> multiply_low(Vector<uint64_t> a, Vector<uint64_t> b) {
  return (a & 0xffffffffu) * (b & 0xffffffffu);
}
#endif

// Where the lanes of one step of for_vectors() come from and go to: all of them, or the rest of the row.
template <class T>
struct Full {
  Vector<T> load(const T* p) const { return GENREC_ISA::load<T>(p); }
  void store(T* p, Vector<T> v) const { GENREC_ISA::store<T>(p, v); }
  Vector<T> keep(Vector<T> v, Vector<T>) const { return v; }
};
template <class T>
struct Part {
  int64_t count;
  Vector<T> load(const T* p) const { return load_part(p, count); }
  void store(T* p, Vector<T> v) const { store_part(p, v, count); }
  Vector<T> keep(Vector<T> v, Vector<T> other) const {  // the lanes of the row from v, the others from `other`
    Vector<typename Bits<T>::Signed> lane;
    for (int i = 0; i < kLanes<T>; ++i) lane[i] = i;
    return lane < static_cast<typename Bits<T>::Signed>(count) ? v : other;
  }
};

// f(i, lanes) for each vector of n elements; element i is the first of the vector.
template <class T, class F>
inline void for_vectors(int64_t n, F&& f) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, Full<T>{});
  if (i < n) f(i, Part<T>{n - i});
}

// Combines all lanes in a fixed tree: half with half until one is left. combine works on vectors and on numbers.
template <class T, int N, class V, class F>
inline T fold(V v, F combine) {
  if constexpr (N == 2) {
    return combine(T{v[0]}, T{v[1]});
  } else {
    typedef T Half __attribute__((vector_size(N / 2 * sizeof(T))));
    Half halves[2];
    __builtin_memcpy(halves, &v, sizeof v);
    return fold<T, N / 2>(combine(halves[0], halves[1]), combine);
  }
}
template <class T>
inline T sum_lanes(Vector<T> v) {
  return fold<T, kLanes<T>>(v, [](auto x, auto y) { return x + y; });
}
template <class T>
inline T max_lanes(Vector<T> v) {
  return fold<T, kLanes<T>>(v, [](auto x, auto y) { return x > y ? x : y; });
}
template <class T>
inline T min_lanes(Vector<T> v) {
  return fold<T, kLanes<T>>(v, [](auto x, auto y) { return x < y ? x : y; });
}

// Lanes 0 0' 1 1' ... of the lower (upper) halves of two vectors.
template <int N, int... I>
struct Indices : Indices<N - 1, N - 1, I...> {};
template <int... I>
struct Indices<0, I...> {};
template <class V, int... I>
inline V zip_low(V a, V b, Indices<0, I...>) {
  constexpr int n = sizeof...(I);
  return __builtin_shufflevector(a, b, (I / 2 + I % 2 * n)...);
}
template <class V, int... I>
inline V zip_high(V a, V b, Indices<0, I...>) {
  constexpr int n = sizeof...(I);
  return __builtin_shufflevector(a, b, (n / 2 + I / 2 + I % 2 * n)...);
}
template <class T>
inline Vector<T> zip_low(Vector<T> a, Vector<T> b) {
  return zip_low(a, b, Indices<kLanes<T>>{});
}
template <class T>
inline Vector<T> zip_high(Vector<T> a, Vector<T> b) {
  return zip_high(a, b, Indices<kLanes<T>>{});
}

}  // namespace tensor::kernels::GENREC_ISA
