// Exponentials, softmax, layer norm and RMS norm of one row.
#include "tensor/simd/kernels/exp.h"
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

inline float log_of(float x) { return __builtin_logf(x); }
inline double log_of(double x) { return __builtin_log(x); }
inline float root_of(float x) { return __builtin_sqrtf(x); }
inline double root_of(double x) { return __builtin_sqrt(x); }

template <class T>
inline T maximum(const T* x, int64_t n) {
  Vector<T> best = broadcast<T>(x[0]);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = lanes.keep(lanes.load(x + i), best);
    best = value > best ? value : best;
  });
  return max_lanes<T>(best);
}

template <class T>
void exp(const T* x, T* y, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(y + i, exp_of<T>(lanes.load(x + i))); });
}

template <class T>
T exp_sum(const T* x, T shift, T* y, int64_t n) {
  Vector<T> total{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = exp_of<T>(lanes.load(x + i) - shift);
    lanes.store(y + i, value);
    total += lanes.keep(value, Vector<T>{});
  });
  return sum_lanes<T>(total);
}

// A row without a finite entry (every key masked) gives zeros and -inf.
template <class T>
T softmax(const T* x, T* y, int64_t n) {
  if (n <= 0) return -static_cast<T>(__builtin_inf());
  const T shift = maximum(x, n);
  if (shift == -static_cast<T>(__builtin_inf())) {
    for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(y + i, Vector<T>{}); });
    return shift;
  }
  const T total = exp_sum(x, shift, y, n);
  const T inverse = 1 / total;
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(y + i) * inverse); });
  return shift + log_of(total);
}

template <class T>
T log_sum_exp(const T* x, int64_t n) {
  const T shift = maximum(x, n);
  if (shift == -static_cast<T>(__builtin_inf())) return shift;
  Vector<T> total{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) { total += lanes.keep(exp_of<T>(lanes.load(x + i) - shift), Vector<T>{}); });
  return shift + log_of(sum_lanes<T>(total));
}

template <class T>
void layer_norm(const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd, int64_t n) {
  Vector<T> total{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) { total += lanes.load(x + i); });
  const T average = sum_lanes<T>(total) / static_cast<T>(n);
  Vector<T> squares{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> centred = lanes.keep(lanes.load(x + i) - average, Vector<T>{});
    squares += centred * centred;
  });
  const T scale = 1 / root_of(sum_lanes<T>(squares) / static_cast<T>(n) + epsilon);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    lanes.store(y + i, (lanes.load(x + i) - average) * scale * lanes.load(gamma + i) + lanes.load(beta + i));
  });
  *mean = average;
  *rstd = scale;
}

template <class T>
void layer_norm_backward(const T* x, const T* gamma, const T* dy, T mean, T rstd, T* dx, T* dgamma, T* dbeta, int64_t n) {
  Vector<T> total{}, total_scaled{};  // of gamma dy, and of gamma dy xhat
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> gradient = lanes.load(dy + i), scaled = gradient * lanes.load(gamma + i);  // zero beyond the row
    const Vector<T> normal = (lanes.load(x + i) - mean) * rstd;
    total += scaled;
    total_scaled += scaled * normal;
    lanes.store(dgamma + i, gradient * normal + lanes.load(dgamma + i));
    lanes.store(dbeta + i, gradient + lanes.load(dbeta + i));
  });
  const T a = sum_lanes<T>(total) / static_cast<T>(n), b = sum_lanes<T>(total_scaled) / static_cast<T>(n);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> normal = (lanes.load(x + i) - mean) * rstd;
    lanes.store(dx + i, (lanes.load(dy + i) * lanes.load(gamma + i) - a - normal * b) * rstd);
  });
}

template <class T>
void rms_norm(const T* x, const T* w, T epsilon, T* y, T* rrms, int64_t n) {
  Vector<T> squares{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = lanes.load(x + i);  // zero beyond the row
    squares += value * value;
  });
  const T scale = 1 / root_of(sum_lanes<T>(squares) / static_cast<T>(n) + epsilon);
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(x + i) * scale * lanes.load(w + i)); });
  *rrms = scale;
}

template <class T>
void rms_norm_backward(const T* x, const T* w, const T* dy, T rrms, T* dx, T* dw, int64_t n) {
  Vector<T> total{};  // of w dy xhat, xhat = x rrms
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> scaled = lanes.load(dy + i) * (lanes.load(x + i) * rrms);
    total += scaled * lanes.load(w + i);
    lanes.store(dw + i, scaled + lanes.load(dw + i));
  });
  const T mean = sum_lanes<T>(total) / static_cast<T>(n);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    lanes.store(dx + i, (lanes.load(dy + i) * lanes.load(w + i) - lanes.load(x + i) * rrms * mean) * rrms);
  });
}

}  // namespace

template <class T>
void fill_rows(Simd<T>& table) {
  table.exp = exp<T>;
  table.exp_sum = exp_sum<T>;
  table.softmax = softmax<T>;
  table.log_sum_exp = log_sum_exp<T>;
  table.layer_norm = layer_norm<T>;
  table.layer_norm_backward = layer_norm_backward<T>;
  table.rms_norm = rms_norm<T>;
  table.rms_norm_backward = rms_norm_backward<T>;
}
template void fill_rows(Simd<float>&);
template void fill_rows(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
