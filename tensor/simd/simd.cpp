// Plain versions of the hot loops.
#include "tensor/simd/simd.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace tensor {

namespace {

template <class T>
void gemm_plain(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                int64_t ldc, const Epilogue<T>& e) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += (ta ? a[l * lda + i] : a[i * lda + l]) * (tb ? b[j * ldb + l] : b[l * ldb + j]);
      if (e.bias) sum += e.bias[j];
      if (e.accumulate) sum += c[i * ldc + j];
      c[i * ldc + j] = e.relu ? std::max(sum, T{0}) : sum;
    }
}

template <class T>
T exp_sum_plain(const T* x, T shift, T* y, int64_t n) {
  T s = 0;
  for (int64_t i = 0; i < n; ++i) s += y[i] = std::exp(x[i] - shift);
  return s;
}

template <class T>
Simd<T> plain() {
  Simd<T> t;
  t.gemm = gemm_plain<T>;
  t.sum = [](const T* x, int64_t n) { T s = 0; for (int64_t i = 0; i < n; ++i) s += x[i]; return s; };
  t.dot = [](const T* x, const T* y, int64_t n) { T s = 0; for (int64_t i = 0; i < n; ++i) s += x[i] * y[i]; return s; };
  t.maximum = [](const T* x, int64_t n) { return *std::max_element(x, x + n); };
  t.add = [](const T* x, const T* y, T* z, int64_t n) { for (int64_t i = 0; i < n; ++i) z[i] = x[i] + y[i]; };
  t.multiply = [](const T* x, const T* y, T* z, int64_t n) { for (int64_t i = 0; i < n; ++i) z[i] = x[i] * y[i]; };
  t.scale = [](T a, const T* x, T* y, int64_t n) { for (int64_t i = 0; i < n; ++i) y[i] = a * x[i]; };
  t.axpy = [](T a, const T* x, T* y, int64_t n) { for (int64_t i = 0; i < n; ++i) y[i] += a * x[i]; };
  t.exp = [](const T* x, T* y, int64_t n) { for (int64_t i = 0; i < n; ++i) y[i] = std::exp(x[i]); };
  t.exp_sum = exp_sum_plain<T>;
  t.softmax = [](const T* x, T* y, int64_t n) {
    const T m = *std::max_element(x, x + n), s = exp_sum_plain<T>(x, m, y, n);
    for (int64_t i = 0; i < n; ++i) y[i] /= s;
    return m + std::log(s);
  };
  t.relu = [](const T* x, T* y, int64_t n) { for (int64_t i = 0; i < n; ++i) y[i] = std::max(x[i], T{0}); };
  t.relu_backward = [](const T* y, const T* dy, T* dx, int64_t n) {
    for (int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0 ? dy[i] : T{0};
  };
  t.layer_norm = [](const T* x, const T* gamma, const T* beta, T eps, T* y, T* mean, T* rstd, int64_t n) {
    T m = 0, v = 0;
    for (int64_t i = 0; i < n; ++i) m += x[i];
    m /= n;
    for (int64_t i = 0; i < n; ++i) v += (x[i] - m) * (x[i] - m);
    const T r = 1 / std::sqrt(v / n + eps);
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * r * gamma[i] + beta[i];
    *mean = m, *rstd = r;
  };
  t.layer_norm_backward = [](const T* x, const T* gamma, const T* dy, T mean, T rstd, T* dx, T* dgamma, T* dbeta, int64_t n) {
    T a = 0, b = 0;
    for (int64_t i = 0; i < n; ++i) {
      const T h = (x[i] - mean) * rstd;
      a += gamma[i] * dy[i], b += gamma[i] * dy[i] * h;
      dgamma[i] += dy[i] * h, dbeta[i] += dy[i];
    }
    for (int64_t i = 0; i < n; ++i) dx[i] = rstd * (gamma[i] * dy[i] - a / n - (x[i] - mean) * rstd * b / n);
  };
  t.dropout = [](const PhiloxKey& key, uint64_t first, uint32_t threshold, T scale, const T* x, T* y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t e = first + i;
      const uint32_t word = philox(key, e / 8)[e % 8 / 2] >> (e % 2 * 16) & 0xffff;
      y[i] = word >= threshold ? x[i] * scale : T{0};
    }
  };
  t.adam = [](const AdamStep<T>& s, T* w, const T* g0, T* m, T* v, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const T g = g0[i] * s.gradient_scale + s.coupled_decay * w[i];
      m[i] = s.beta1 * m[i] + (1 - s.beta1) * g;
      v[i] = s.beta2 * v[i] + (1 - s.beta2) * g * g;
      w[i] -= s.learning_rate * (s.decoupled_decay * w[i] + m[i] * s.correction1 / (std::sqrt(v[i] * s.correction2) + s.epsilon));
    }
  };
  t.sgd = [](T lr, T momentum, T decay, T scale, T* w, const T* g, T* velocity, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      velocity[i] = momentum * velocity[i] + g[i] * scale + decay * w[i];
      w[i] -= lr * velocity[i];
    }
  };
  t.gather_sum = [](const int32_t* index, const T* weight, int64_t count, const T* x, int64_t columns, T* y) {
    for (int64_t j = 0; j < columns; ++j) y[j] = 0;
    for (int64_t e = 0; e < count; ++e)
      for (int64_t j = 0; j < columns; ++j) y[j] += (weight ? weight[e] : T{1}) * x[index[e] * columns + j];
  };
  t.argmin = [](const T* x, int64_t n) { return static_cast<int64_t>(std::min_element(x, x + n) - x); };
  return t;
}

}  // namespace

const char* name_of(Isa) { return "generic"; }
Isa isa() { return Isa::generic; }
void set_isa(std::string_view) {}

template <class T>
const Simd<T>& simd() {
  static const Simd<T> table = plain<T>();
  return table;
}
template const Simd<float>& simd();
template const Simd<double>& simd();

template <class T>
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
          const Epilogue<T>& e) {
  simd<T>().gemm(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, e);
}
template <class T>
void gemm_serial(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                 int64_t ldc, const Epilogue<T>& e) {
  simd<T>().gemm(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, e);
}
template void gemm(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float*, int64_t, const Epilogue<float>&);
template void gemm(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, double*, int64_t, const Epilogue<double>&);
template void gemm_serial(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float*, int64_t, const Epilogue<float>&);
template void gemm_serial(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, double*, int64_t, const Epilogue<double>&);

}  // namespace tensor
