// Matrix products on the calling thread: panels of B are packed where that pays, strips of A are read in place or copied.
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/gemm_block.h"
#include "tensor/simd/kernels/transpose.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

template <class T>
constexpr int64_t kPanel = 2 * kLanes<T>;  // columns of a packed panel of B

// packed[k, kPanel] from `columns` <= kPanel columns of B, the others zero.
template <class T>
void pack_plain(int64_t columns, int64_t k, const T* b, int64_t ldb, T* packed) {
  if (columns == kPanel<T>) {
    for (int64_t p = 0; p < k; ++p, b += ldb, packed += kPanel<T>) {
      const Vector<T> first = load(b), second = load(b + kLanes<T>);
      store(packed, first);
      store(packed + kLanes<T>, second);
    }
    return;
  }
  for (int64_t p = 0; p < k; ++p, b += ldb, packed += kPanel<T>) {
    store(packed, Vector<T>{});
    store(packed + kLanes<T>, Vector<T>{});
    for_vectors<T>(columns, [&](int64_t i, auto lanes) { store(packed + i, lanes.load(b + i)); });
  }
}

// The same where B is stored transposed: row j of b is column j of B.
template <class T>
void pack_transposed(int64_t columns, int64_t k, const T* b, int64_t ldb, T* packed) {
  constexpr int64_t n = kLanes<T>;
  for (int64_t j = 0; j < kPanel<T>; j += n) {
    const int64_t rows = columns - j < n ? columns - j : n;
    for_vectors<T>(k, [&](int64_t p, auto lanes) {
      transpose_square<T>(rows, b + j * ldb + p, ldb, lanes, k - p, packed + p * kPanel<T> + j, kPanel<T>);
    });
  }
}

template <class T>
inline void pack_panel(bool transpose_b, int64_t columns, int64_t k, const T* b, int64_t ldb, T* packed) {
  transpose_b ? pack_transposed(columns, k, b, ldb, packed) : pack_plain(columns, k, b, ldb, packed);
}

template <class T>
void gemm_pack(bool transpose_b, int64_t n, int64_t k, const T* b, int64_t ldb, T* packed) {
  for (int64_t j = 0; j < n; j += kPanel<T>, packed += k * kPanel<T>) {
    pack_panel(transpose_b, n - j < kPanel<T> ? n - j : kPanel<T>, k, b + (transpose_b ? j * ldb : j), ldb, packed);
  }
}

// The epilogue of columns j... of one of several pieces of k.
template <class T>
inline Epilogue<T> part_of(const Epilogue<T>& whole, int64_t j, bool first, bool last) {
  return {first && whole.bias ? whole.bias + j : nullptr, whole.accumulate || !first, whole.relu && last};
}

// A strip of A that the panels share: copied if its rows would fall on each other in the cache, or to make it dense.
template <class T>
struct Strip {
  static constexpr int64_t kRowStride = kGemmDepth + 64 / sizeof(T);  // consecutive rows fall into different cache sets
  alignas(64) T data[kBlockRows * kRowStride];
};

template <class T>
inline void copy_strip(bool transpose_a, int64_t rows, int64_t k, const T* a, int64_t lda, Strip<T>& strip) {
  if (transpose_a) {
    for (int64_t p = 0; p < k; ++p) {
      T* to = strip.data + p * kBlockRows;
      for_vectors<T>(rows, [&](int64_t i, auto lanes) { lanes.store(to + i, lanes.load(a + p * lda + i)); });
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    T* to = strip.data + r * Strip<T>::kRowStride;
    for_vectors<T>(k, [&](int64_t i, auto lanes) { lanes.store(to + i, lanes.load(a + r * lda + i)); });
  }
}

// Asks for one of `parts` shares of a matrix that is read later, so that it is in the second-level cache by then.
template <class T>
inline void prefetch_share(const GemmAhead<T>& x, int64_t part, int64_t parts) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t lines = (x.columns + kLine - 1) / kLine, total = x.rows * lines, end = total * (part + 1) / parts;
  int64_t i = total * part / parts;
  if (i >= end) return;
  int64_t column = i % lines;
  const T* row = x.data + i / lines * x.stride;
  for (; i < end; ++i) {
    __builtin_prefetch(row + column * kLine, 0, 2);
    if (++column == lines) column = 0, row += x.stride;
  }
}

constexpr int64_t kFewRows = 24;    // rows of C for which reading B takes longer than multiplying
constexpr int64_t kStepsAhead = 32;  // of k, between asking for a row of a panel and using it

// Few rows: a panel is read once for all of them, and meanwhile the memory after it is asked for.
template <class T>
void few_rows(bool transpose_a, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* packed, T* c, int64_t ldc,
              const Epilogue<T>& epilogue) {
  for (int64_t j = 0; j < n; j += kPanel<T>, packed += k * kPanel<T>) {
    const int64_t columns = n - j < kPanel<T> ? n - j : kPanel<T>;
    multiply_rows<T>(transpose_a, m, {k, a, lda, packed, kPanel<T>, c + j, ldc, columns, kStepsAhead * kPanel<T>},
                     part_of(epilogue, j, true, true));
  }
}

template <class T>
void gemm_packed(bool transpose_a, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* packed, T* c,
                 int64_t ldc, const Epilogue<T>& epilogue, const GemmAhead<T>& ahead) {
  if (m <= kFewRows) return few_rows(transpose_a, m, n, k, a, lda, packed, c, ldc, epilogue);
  Strip<T> strip;
  const int64_t panels = (n + kPanel<T> - 1) / kPanel<T>, strips = (m + kBlockRows - 1) / kBlockRows;
  const bool copy = panels > 1 && (transpose_a || lda * static_cast<int64_t>(sizeof(T)) % 2048 == 0);
  for (int64_t i = 0; i < m; i += kBlockRows) {
    const int64_t rows = m - i < kBlockRows ? m - i : kBlockRows;
    const int64_t next = i + kBlockRows, next_rows = m - next < kBlockRows ? m - next : kBlockRows;
    GemmAhead<T> next_strip;
    if (next < m && transpose_a) {
      next_strip = {a + next + next_rows - 1, k, 1, lda};  // the line before it is in the cache with this strip
    } else if (next < m) {
      next_strip = {a + next * lda, next_rows, k, lda};
    }
    const T* from = a + (transpose_a ? i : i * lda);
    int64_t stride = lda;
    if (copy) {
      copy_strip(transpose_a, rows, k, from, lda, strip);
      from = strip.data;
      stride = transpose_a ? kBlockRows : Strip<T>::kRowStride;
    }
    for (int64_t panel = 0; panel < panels; ++panel) {
      prefetch_share(next_strip, panel, panels);
      prefetch_share(ahead, i / kBlockRows * panels + panel, strips * panels);
      const int64_t j = panel * kPanel<T>, columns = n - j < kPanel<T> ? n - j : kPanel<T>;
      multiply_rows<T>(transpose_a, rows, {k, from, stride, packed + j * k, kPanel<T>, c + i * ldc + j, ldc, columns},
                       part_of(epilogue, j, true, true));
    }
  }
}

}  // namespace

constexpr int64_t kStreamColumns = 512;  // columns at a time of the following
constexpr int64_t kStreamSteps = 16;
constexpr int64_t kStreamSize = 1 << 14;  // elements of B; fewer are in the cache

// Few rows of A: B is what takes time. It is read row by row, as it lies in memory, some steps of k at a time for all columns,
// and the next steps are asked for meanwhile. The sums wait in a block of their own; their order is that of the other products.
template <class T>
void gemm_stream(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
                 const Epilogue<T>& epilogue) {
  alignas(64) T sums[kFewRows * kStreamColumns];
  const int64_t depth = gemm_depth(k);
  for (int64_t p = 0; p < k; p += depth) {
    const int64_t end = k - p < depth ? k : p + depth;
    for (int64_t q = p; q < end; q += kStreamSteps) {
      const int64_t steps = end - q < kStreamSteps ? end - q : kStreamSteps, after = q + steps;
      const int64_t ahead = k - after < kStreamSteps ? k - after : kStreamSteps;
      for (int64_t j = 0; j < n; j += kPanel<T>) {
        for (int64_t r = 0; r < ahead; ++r) {
          __builtin_prefetch(b + (after + r) * ldb + j);
          __builtin_prefetch(b + (after + r) * ldb + j + 64 / sizeof(T));
        }
        BlockArguments<T> block{steps, a + q, lda, b + q * ldb + j, ldb, sums + j, n, kPanel<T>};
        if (q > p) block.start = sums + j, block.start_stride = n;
        const bool last = after == end;
        if (last) block.c = c + j, block.ldc = ldc;
        multiply_rows<T>(false, m, block, last ? part_of(epilogue, j, p == 0, after == k) : Epilogue<T>{});
      }
    }
  }
}

template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
          int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue) {
  const bool large = k >= 4 * kStreamSteps && k * n >= kStreamSize;
  if (!transpose_a && !transpose_b && m <= kFewRows && n % kPanel<T> == 0 && large) {
    for (int64_t j = 0; j < n; j += kStreamColumns) {
      gemm_stream(m, n - j < kStreamColumns ? n - j : kStreamColumns, k, a, lda, b + j, ldb, c + j, ldc,
                  part_of(epilogue, j, true, true));
    }
    return;
  }
  alignas(64) T packed[kGemmDepth * kPanel<T>];
  const int64_t depth = gemm_depth(k);
  for (int64_t j = 0; j < n; j += kPanel<T>) {
    const int64_t columns = n - j < kPanel<T> ? n - j : kPanel<T>;
    const bool in_place = !transpose_b && m < 4 * kBlockRows && (columns == kPanel<T> || columns == kLanes<T>);
    for (int64_t p = 0; p < k || p == 0; p += depth) {
      const int64_t piece = k - p < depth ? k - p : depth;
      const T* panel = b + (transpose_b ? j * ldb + p : p * ldb + j);
      int64_t stride = ldb;
      if (!in_place) {
        pack_panel(transpose_b, columns, piece, panel, ldb, packed);
        panel = packed;
        stride = kPanel<T>;
      }
      multiply_rows<T>(transpose_a, m, {piece, a + (transpose_a ? p * lda : p), lda, panel, stride, c + j, ldc, columns},
                       part_of(epilogue, j, p == 0, p + piece >= k));
    }
  }
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float*, int64_t,
                   const Epilogue<float>&);
template void gemm(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, double*, int64_t,
                   const Epilogue<double>&);

template <class T>
void fill_gemm(Simd<T>& table) {
  table.gemm = gemm<T>;
  table.gemm_panel = kPanel<T>;
  table.gemm_pack = gemm_pack<T>;
  table.gemm_packed = gemm_packed<T>;
}
template void fill_gemm(Simd<float>&);
template void fill_gemm(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
