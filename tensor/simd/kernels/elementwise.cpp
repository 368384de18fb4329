// Sums, products and other passes over one row.
#include "tensor/simd/kernels/bf16.h"
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

// Four accumulators hide the latency of the addition; f(i, lanes) gives the term of one vector.
template <class T, class F>
inline T sum_of(int64_t n, F&& f) {
  Vector<T> total[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes<T> <= n; i += 4 * kLanes<T>) {
    for (int j = 0; j < 4; ++j) total[j] += f(i + j * kLanes<T>, Full<T>{});
  }
  for_vectors<T>(n - i, [&](int64_t j, auto lanes) { total[0] += f(i + j, lanes); });
  return sum_lanes<T>((total[0] + total[1]) + (total[2] + total[3]));
}

template <class T>
T sum(const T* x, int64_t n) {
  return sum_of<T>(n, [&](int64_t i, auto lanes) { return lanes.load(x + i); });
}

template <class T>
T dot(const T* x, const T* y, int64_t n) {
  return sum_of<T>(n, [&](int64_t i, auto lanes) { return lanes.load(x + i) * lanes.load(y + i); });
}

template <class T>
T maximum(const T* x, int64_t n) {
  Vector<T> best = broadcast<T>(x[0]);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = lanes.keep(lanes.load(x + i), best);
    best = value > best ? value : best;
  });
  return max_lanes<T>(best);
}

template <class T>
int64_t argmin(const T* x, int64_t n) {
  if (n <= 0) return -1;
  Vector<T> best = broadcast<T>(x[0]);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = lanes.keep(lanes.load(x + i), best);
    best = value < best ? value : best;
  });
  const T least = min_lanes<T>(best);
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == least) return i;
  }
  return 0;
}

template <class T>
void add(const T* x, const T* y, T* z, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(z + i, lanes.load(x + i) + lanes.load(y + i)); });
}

template <class T>
void multiply(const T* x, const T* y, T* z, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(z + i, lanes.load(x + i) * lanes.load(y + i)); });
}

template <class T>
void scale(T a, const T* x, T* y, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(x + i) * a); });
}

template <class T>
void axpy(T a, const T* x, T* y, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(y + i, lanes.load(x + i) * a + lanes.load(y + i)); });
}

template <class T>
void relu(const T* x, T* y, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = lanes.load(x + i);
    lanes.store(y + i, value < T{0} ? Vector<T>{} : value);  // NaN stays
  });
}

template <class T>
void relu_backward(T a, const T* y, const T* dy, T* dx, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    lanes.store(dx + i, lanes.load(y + i) > T{0} ? lanes.load(dy + i) * a : Vector<T>{});
  });
}

// V vectors of columns stay in registers over all edges; rows to come are prefetched, since they are anywhere in memory.
template <class T, int V>
inline void gather_columns(const int32_t* index, const T* weight, int64_t count, const T* x, int64_t columns, T* y) {
  constexpr int64_t kAhead = 8;
  Vector<T> total[V] = {};
  for (int64_t e = 0; e < count; ++e) {
    if (e + kAhead < count) {
      const T* ahead = x + index[e + kAhead] * columns;
      for (int j = 0; j < V; j += 64 / kVectorBytes) __builtin_prefetch(ahead + j * kLanes<T>);
    }
    const T* row = x + index[e] * columns;
    const T w = weight ? weight[e] : T{1};
    for (int j = 0; j < V; ++j) total[j] += load(row + j * kLanes<T>) * w;
  }
  for (int j = 0; j < V; ++j) store(y + j * kLanes<T>, total[j]);
}

template <class T>
void gather_sum(const int32_t* index, const T* weight, int64_t count, const T* x, int64_t columns, T* y) {
  int64_t column = 0;
  for (; column + 8 * kLanes<T> <= columns; column += 8 * kLanes<T>) {
    gather_columns<T, 8>(index, weight, count, x + column, columns, y + column);
  }
  for (; column + 4 * kLanes<T> <= columns; column += 4 * kLanes<T>) {
    gather_columns<T, 4>(index, weight, count, x + column, columns, y + column);
  }
  for_vectors<T>(columns - column, [&](int64_t i, auto lanes) {
    Vector<T> total{};
    for (int64_t e = 0; e < count; ++e) {
      total += lanes.load(x + index[e] * columns + column + i) * (weight ? weight[e] : T{1});
    }
    lanes.store(y + column + i, total);
  });
}

void round_bf16(const float* x, float* y, int64_t n) {
  for_vectors<float>(n, [&](int64_t i, auto lanes) {
    lanes.store(y + i, reinterpret_cast<Vector<float>>(rounded_bits(lanes.load(x + i)) & 0xffff0000u));
  });
}

}  // namespace

template <class T>
void fill_elementwise(Simd<T>& table) {
  table.sum = sum<T>;
  table.dot = dot<T>;
  table.maximum = maximum<T>;
  table.argmin = argmin<T>;
  table.add = add<T>;
  table.multiply = multiply<T>;
  table.scale = scale<T>;
  table.axpy = axpy<T>;
  table.relu = relu<T>;
  if constexpr (sizeof(T) == sizeof(float)) table.round_bf16 = round_bf16;
  table.relu_backward = relu_backward<T>;
  table.gather_sum = gather_sum<T>;
}
template void fill_elementwise(Simd<float>&);
template void fill_elementwise(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
