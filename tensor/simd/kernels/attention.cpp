// Attention of one sequence in one head. With few queries nothing is packed: scores are blocks of dot products, the other
// products read their right side in place. With more, all are matrix products that pack it. The order of the steps is in
// tensor/attention.cpp.
#include "tensor/simd/kernels/exp.h"
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

// Lane i of the result is the sum of the lanes of v[i]. Each round adds the halves of two vectors and interleaves them.
template <class T, int N = kLanes<T>>
[[gnu::always_inline]] inline Vector<T> sum_each(const Vector<T> (&v)[N]) {
  if constexpr (N == 1) {
    return v[0];
  } else {
    Vector<T> w[N / 2];
#pragma GCC unroll 8
    for (int i = 0; i < N / 2; ++i) w[i] = zip_low<T>(v[i], v[i + N / 2]) + zip_high<T>(v[i], v[i + N / 2]);
    return sum_each<T, N / 2>(w);
  }
}

constexpr int64_t kManyRows = 12;  // from here on packing pays

// s[i * n + j] = x[i] . y[j] for i < m, j < n, as blocks of dot products; only those that hold some j <= i if `lower`.
template <class T>
void few_dots(int64_t m, int64_t n, int64_t width, Rows<const T> x, Rows<const T> y, bool lower, T* s) {
  constexpr int rows = kLanes<T> >= 16 ? 4 : kLanes<T> >= 4 ? 2 : 1, columns = kLanes<T> / rows;
  for (int64_t i = 0; i < m; i += rows) {
    const T* xs[rows];
    for (int r = 0; r < rows; ++r) xs[r] = x[i + r < m ? i + r : m - 1];
    for (int64_t j = 0; j < n && (!lower || j < i + rows); j += columns) {
      const T* ys[columns];
      for (int c = 0; c < columns; ++c) ys[c] = y[j + c < n ? j + c : n - 1];
      Vector<T> sums[kLanes<T>];
#pragma GCC unroll 16
      for (int l = 0; l < kLanes<T>; ++l) sums[l] = Vector<T>{};
      for_vectors<T>(width, [&](int64_t p, auto lanes) {
        Vector<T> column[columns];
#pragma GCC unroll 4
        for (int c = 0; c < columns; ++c) column[c] = lanes.load(ys[c] + p);
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) {
          const Vector<T> row = lanes.load(xs[r] + p);
#pragma GCC unroll 4
          for (int c = 0; c < columns; ++c) sums[r * columns + c] += row * column[c];
        }
      });
      const Vector<T> block = sum_each<T, kLanes<T>>(sums);
      T values[kLanes<T>];
      store(values, block);
      if (i + rows <= m && j + columns <= n) {
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) __builtin_memcpy(s + (i + r) * n + j, values + r * columns, columns * sizeof(T));
        continue;
      }
      for (int r = 0; r < rows && i + r < m; ++r) {
        for (int c = 0; c < columns && j + c < n; ++c) s[(i + r) * n + j + c] = values[r * columns + c];
      }
    }
  }
}

// The same for any number of rows.
template <class T>
void dots(int64_t m, int64_t n, int64_t width, Rows<const T> x, Rows<const T> y, bool lower, T* s) {
  if (m < kManyRows) return few_dots(m, n, width, x, y, lower, s);
  constexpr int64_t kColumns = 2 * kLanes<T>;
  for (int64_t j = 0; j < n; j += lower ? kColumns : n) {
    const int64_t first = lower ? j : 0, columns = lower && n - j > kColumns ? kColumns : n - j;
    if (first < m) gemm<T>(false, true, m - first, columns, width, x[first], x.stride, y[j], y.stride, s + first * n + j, n, {});
  }
}

// c[r] = (add ? c[r] : 0) + sum over p < k of A(r, p) b[p], the columns that `lanes` and V cover; A(r, p) is
// a[r * row + p * column].
template <class T, int R, int V, class Lanes>
[[gnu::always_inline]] inline void combine(int64_t k, const T* a, int64_t row, int64_t column, Rows<const T> b, bool add,
                                           Rows<T> c, Lanes lanes) {
  Vector<T> sum[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[r][v] = add ? lanes.load(c[r] + v * kLanes<T>) : Vector<T>{};
  }
  for (int64_t p = 0; p < k; ++p, a += column) {
    Vector<T> from[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) from[v] = lanes.load(b[p] + v * kLanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[r][v] += from[v] * a[r * row];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) lanes.store(c[r] + v * kLanes<T>, sum[r][v]);
  }
}

template <class T, int R>
void combine_rows(int64_t k, const T* a, int64_t row, int64_t column, Rows<const T> b, int64_t width, bool add, Rows<T> c) {
  int64_t j = 0;
  for (; j + 2 * kLanes<T> <= width; j += 2 * kLanes<T>) {
    combine<T, R, 2>(k, a, row, column, {b.data + j, b.stride}, add, {c.data + j, c.stride}, Full<T>{});
  }
  for_vectors<T>(width - j, [&](int64_t i, auto lanes) {
    combine<T, R, 1>(k, a, row, column, {b.data + j + i, b.stride}, add, {c.data + j + i, c.stride}, lanes);
  });
}

// c [m, width] = (add ? c : 0) + A b [k, width]; A is [m, k], or, transposed, [k, m].
template <class T>
void product(bool transposed, int64_t m, int64_t k, Rows<const T> a, Rows<const T> b, int64_t width, bool add, Rows<T> c) {
  if (m >= kManyRows) {
    return gemm<T>(transposed, false, m, width, k, a.data, a.stride, b.data, b.stride, c.data, c.stride, {.accumulate = add});
  }
  const int64_t row = transposed ? 1 : a.stride, column = transposed ? a.stride : 1;
  using Block = void (*)(int64_t, const T*, int64_t, int64_t, Rows<const T>, int64_t, bool, Rows<T>);
  static constexpr Block kBlocks[] = {combine_rows<T, 1>, combine_rows<T, 2>, combine_rows<T, 3>,
                                      combine_rows<T, 4>, combine_rows<T, 5>, combine_rows<T, 6>};
  for (int64_t blocks = (m + 5) / 6, i = 0; blocks > 0; --blocks) {  // of nearly equal height
    const int64_t rows = (m - i + blocks - 1) / blocks;
    kBlocks[rows - 1](k, a.data + i * row, row, column, b, width, add, {c[i], c.stride});
    i += rows;
  }
}

template <class T>
void clear(T* x, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) { lanes.store(x + i, Vector<T>{}); });
}

// What becomes of the probabilities p of one row, from element `first` of [queries, keys] on. With dropout the kept ones,
// scaled, go to a matrix of their own and the dropped ones are stored as -p, so that one matrix says both.
template <class T>
[[gnu::always_inline]] inline void store_probabilities(const ProbabilityDropout<T>& dropout, int64_t first, T* p, int64_t i,
                                                       Vector<T> value, auto lanes) {
  if (!dropout.kept) return lanes.store(p + i, value);
  const auto keep = widen<T>(dropout.words + first + i) >= dropout.threshold;
  lanes.store(p + i, keep ? value : -value);
  lanes.store(dropout.kept + first + i, keep ? value * dropout.scale : Vector<T>{});
}

// Rows whose keys fit into a few vectors stay in registers, several at a time: what a masked store has just written, and what lies
// beside it in the same vector, cannot be loaded before it has reached the cache.
constexpr int kMostVectors = 6;
constexpr int kMostTogether = 12;  // vectors of several rows

template <int N>
struct Constant {
  constexpr operator int() const { return N; }
};

// few(row, n, V, R) for R of the rows from `row` on, of n keys each, V vectors, numbers that are constants; many(row, n) for one where
// that is more than kMostVectors.
template <class T, int V = 1, class Few, class Many>
[[gnu::always_inline]] inline void for_rows(int64_t row, int64_t end, int64_t n, Few&& few, Many&& many) {
  if constexpr (V > kMostVectors) {
    for (; row < end; ++row) many(row, n);
  } else if (n > V * kLanes<T>) {
    for_rows<T, V + 1>(row, end, n, few, many);
  } else {
    constexpr int together = kMostTogether / V < 4 ? kMostTogether / V : 4;
    for (; row + together <= end; row += together) few(row, n, Constant<V>{}, Constant<together>{});
    for (; row < end; ++row) few(row, n, Constant<V>{}, Constant<1>{});
  }
}

// What row i sees of n keys. Causal rows are taken together where all keys are in one vector, else one at a time with n = i + 1.
template <class T>
inline int64_t seen_by(const AttentionHead<T>& head, int64_t i, int64_t n) { return head.causal ? i + 1 : n; }

// R rows of p = softmax(scale (p + bias)), n >= 1 keys, in V vectors, the last of which may be part of one; 0 where not seen.
template <class T, int V, int R>
void softmax_vectors(const AttentionHead<T>& head, int64_t row, T* p, int64_t n) {
  constexpr int64_t last = (V - 1) * kLanes<T>;
  const Part<T> rest{n - last};
  Vector<T> x[R][V], largest[R], total[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const T *from = p + r * head.keys, *bias = head.bias.data ? head.bias[row + r] : nullptr;
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) {
      const int64_t i = v * kLanes<T>;
      x[r][v] = v + 1 < V ? load(from + i) : rest.load(from + i);
      if (bias) x[r][v] += v + 1 < V ? load(bias + i) : rest.load(bias + i);
      x[r][v] *= head.scale;
      if (v + 1 == V) x[r][v] = Part<T>{seen_by(head, row + r, n) - last}.keep(x[r][v], broadcast<T>(-static_cast<T>(__builtin_inf())));
      largest[r] = v == 0 ? x[r][v] : x[r][v] > largest[r] ? x[r][v] : largest[r];
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const T shift = max_lanes<T>(largest[r]);
    total[r] = Vector<T>{};
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) {
      x[r][v] = exp_of<T>(x[r][v] - shift);
      if (v + 1 == V) x[r][v] = Part<T>{seen_by(head, row + r, n) - last}.keep(x[r][v], Vector<T>{});
      total[r] += x[r][v];
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const T inverse = 1 / sum_lanes<T>(total[r]);
    const int64_t first = (row + r) * head.keys;
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) {
      const int64_t i = v * kLanes<T>;
      if (v + 1 < V) store_probabilities(head.dropout, first, p + r * head.keys, i, x[r][v] * inverse, Full<T>{});
      else store_probabilities(head.dropout, first, p + r * head.keys, i, x[r][v] * inverse, rest);
    }
  }
}

// One row of more keys.
template <class T>
void softmax_long(const AttentionHead<T>& head, int64_t row, T* p, int64_t n) {
  constexpr T lowest = -static_cast<T>(__builtin_inf());
  const T *bias = head.bias.data ? head.bias[row] : nullptr, scale = head.scale;
  const int64_t first = row * head.keys;
  const auto score = [&](int64_t i, auto lanes) {
    const Vector<T> raw = lanes.load(p + i);
    return (bias ? raw + lanes.load(bias + i) : raw) * scale;
  };
  Vector<T> largest = broadcast<T>(lowest);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> x = score(i, lanes), seen = lanes.keep(x, largest);
    lanes.store(p + i, x);
    largest = seen > largest ? seen : largest;
  });
  const T shift = max_lanes<T>(largest);
  Vector<T> total{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = exp_of<T>(lanes.load(p + i) - shift);
    lanes.store(p + i, value);
    total += lanes.keep(value, Vector<T>{});
  });
  const T inverse = 1 / sum_lanes<T>(total);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    store_probabilities(head.dropout, first, p, i, lanes.load(p + i) * inverse, lanes);
  });
}

// dp becomes scale p (dp - p . dp), the gradient of the scores before scaling. With dropout p is negative where dropped; the kept
// ones, scaled, go to `kept`. R rows as in softmax_vectors; what is not seen need not be a number.
template <class T, int V, int R>
void softmax_vectors_backward(const AttentionHead<T>& head, int64_t row, const T* p, T* dp, int64_t n) {
  constexpr int64_t last = (V - 1) * kLanes<T>;
  const Part<T> rest{n - last};
  T* kept = head.dropout.kept ? head.dropout.kept + row * head.keys : nullptr;
  Vector<T> value[R][V], gradient[R][V], total[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) {
      const int64_t i = r * head.keys + v * kLanes<T>;
      value[r][v] = v + 1 < V ? load(p + i) : rest.load(p + i);
      gradient[r][v] = v + 1 < V ? load(dp + i) : rest.load(dp + i);
      if (v + 1 == V) gradient[r][v] = Part<T>{seen_by(head, row + r, n) - last}.keep(gradient[r][v], Vector<T>{});
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    total[r] = Vector<T>{};
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) {
      if (kept) {
        const int64_t i = r * head.keys + v * kLanes<T>;
        const auto keep = value[r][v] > T{0};
        gradient[r][v] = keep ? gradient[r][v] * head.dropout.scale : Vector<T>{};
        const Vector<T> scaled = keep ? value[r][v] * head.dropout.scale : Vector<T>{};
        v + 1 < V ? store(kept + i, scaled) : rest.store(kept + i, scaled);
        value[r][v] = keep ? value[r][v] : -value[r][v];
      }
      total[r] += value[r][v] * gradient[r][v];
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const T mean = sum_lanes<T>(total[r]);
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) {
      const int64_t i = r * head.keys + v * kLanes<T>;
      const Vector<T> score = (gradient[r][v] - mean) * (value[r][v] * head.scale);
      v + 1 < V ? store(dp + i, score) : rest.store(dp + i, score);
    }
  }
}

// One row of more keys.
template <class T>
void softmax_long_backward(const AttentionHead<T>& head, int64_t row, const T* p, T* dp, int64_t n) {
  T* kept = head.dropout.kept ? head.dropout.kept + row * head.keys : nullptr;
  Vector<T> total{};
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    Vector<T> value = lanes.load(p + i), gradient = lanes.load(dp + i);
    if (kept) {
      const auto keep = value > T{0};
      gradient = keep ? gradient * head.dropout.scale : Vector<T>{};
      lanes.store(kept + i, keep ? value * head.dropout.scale : Vector<T>{});
      lanes.store(dp + i, gradient);
      value = keep ? value : -value;
    }
    total += value * gradient;
  });
  const T mean = sum_lanes<T>(total);
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> value = lanes.load(p + i);
    lanes.store(dp + i, (lanes.load(dp + i) - mean) * ((value > T{0} ? value : -value) * head.scale));
  });
}

// for_rows() of all rows of x; what a row that comes alone does not see is cleared after it.
template <class T, class Few, class Many>
[[gnu::always_inline]] inline void for_all_rows(const AttentionHead<T>& head, T* x, Few&& few, Many&& many) {
  if (head.keys == 0) return;
  if (!head.causal || head.keys <= kLanes<T>) return for_rows<T>(0, head.queries, head.keys, few, many);
  for (int64_t i = 0; i < head.queries; ++i) {
    for_rows<T>(i, i + 1, i + 1, few, many);
    const int64_t seen = i * head.keys + i + 1, unseen = head.keys - i - 1;
    clear(x + seen, unseen);
    if (head.dropout.kept) clear(head.dropout.kept + seen, unseen);
  }
}

template <class T>
void attention_softmax(const AttentionHead<T>& head, T* p) {
  for_all_rows(
      head, p,
      [&](int64_t row, int64_t n, auto vectors, auto rows) {
        softmax_vectors<T, vectors, rows>(head, row, p + row * head.keys, n);
      },
      [&](int64_t row, int64_t n) { softmax_long(head, row, p + row * head.keys, n); });
}

template <class T>
void attention_softmax_backward(const AttentionHead<T>& head, const T* p, T* db) {
  for_all_rows(
      head, db,
      [&](int64_t row, int64_t n, auto vectors, auto rows) {
        softmax_vectors_backward<T, vectors, rows>(head, row, p + row * head.keys, db + row * head.keys, n);
      },
      [&](int64_t row, int64_t n) { softmax_long_backward(head, row, p + row * head.keys, db + row * head.keys, n); });
}

// The lanes are heads, as many at a time as a vector has: keys are few here, and so no lane waits for another.
template <class T>
void attend_row(int64_t heads, int64_t width, int64_t count, const T* q, const T* const* keys, T scale, const T* bias, T* p,
                T* out) {
  for (int64_t first = 0; first < heads; first += kLanes<T>) {
    const int64_t here = heads - first < kLanes<T> ? heads - first : kLanes<T>;
    Vector<T> largest = broadcast<T>(-static_cast<T>(__builtin_inf())), total{};
    for (int64_t j = 0; j < count; ++j) {
      Vector<T> sums[kLanes<T>] = {};
      for (int64_t l = 0; l < here; ++l) {
        const int64_t column = (first + l) * width;
        Vector<T> sum{};
        for_vectors<T>(width, [&](int64_t i, auto lanes) { sum += lanes.load(q + column + i) * lanes.load(keys[j] + column + i); });
        sums[l] = sum;
      }
      Vector<T> score = sum_each<T, kLanes<T>>(sums);
      if (bias) score += here < kLanes<T> ? load_part(bias + j * heads + first, here) : load(bias + j * heads + first);
      score *= scale;
      store(p + j * kLanes<T>, score);
      largest = score > largest ? score : largest;
    }
    for (int64_t j = 0; j < count; ++j) {
      const Vector<T> weight = exp_of<T>(load(p + j * kLanes<T>) - largest);
      store(p + j * kLanes<T>, weight);
      total += weight;
    }
    const Vector<T> inverse = 1 / total;
    for (int64_t j = 0; j < count; ++j) store(p + j * kLanes<T>, load(p + j * kLanes<T>) * inverse);
    for (int64_t l = 0; l < here; ++l) {
      const int64_t column = (first + l) * width;
      for_vectors<T>(width, [&](int64_t i, auto lanes) {
        Vector<T> sum{};
        for (int64_t j = 0; j < count; ++j) sum += lanes.load(keys[j] + heads * width + column + i) * p[j * kLanes<T> + l];
        lanes.store(out + column + i, sum);
      });
    }
  }
}

// The elements r, r + (n + 1), r + 2 (n + 1), ... of x lie on diagonal r, and from row n - r on on diagonal r - (n + 1).
template <class T>
void add_diagonals(const T* x, int64_t n, T* y) {
  if (n == 0) return;
  for_vectors<T>(n + 1, [&](int64_t r, auto lanes) {
    Vector<T> upper{}, lower{};
    const T* from = x + r;
    for (int64_t i = 0; i + 1 < n; ++i, from += n + 1) {
      const Vector<T> value = lanes.load(from);
      const int64_t count = n - i - r;  // of the lanes that lie on diagonals r, r + 1, ...
      if (count >= kLanes<T>) {
        upper += value;
      } else if (count <= 0) {
        lower += value;
      } else {
        upper += Part<T>{count}.keep(value, Vector<T>{});
        lower += Part<T>{count}.keep(Vector<T>{}, value);
      }
    }
    lanes.store(y + r, lanes.load(y + r) + lower);
    lanes.store(y + n + 1 + r, lanes.load(y + n + 1 + r) + upper);
  });
  y[n + 1] += x[n * n - 1];  // of the last row only the end is left
}

}  // namespace

template <class T>
void fill_attention(Simd<T>& table) {
  table.attention_dots = dots<T>;
  table.attention_product = product<T>;
  table.attention_softmax = attention_softmax<T>;
  table.attention_softmax_backward = attention_softmax_backward<T>;
  table.attend_row = attend_row<T>;
  table.add_diagonals = add_diagonals<T>;
}
template void fill_attention(Simd<float>&);
template void fill_attention(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
