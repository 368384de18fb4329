// Blocks and threads of a matrix product; the arithmetic is in tensor/simd/kernels/gemm.cpp. Every choice is by size, and
// every element of C is summed in the same order whatever block it falls into: the bits do not depend on the threads.
#include "tensor/gemm.h"

#include <algorithm>

#include "tensor/error.h"
#include "tensor/packed_matrix.h"
#include "tensor/product.h"
#include "tensor/profile.h"
#include "tensor/tile_product.h"

namespace tensor {

namespace {

constexpr int64_t kSmall = 1 << 18;         // multiplications below which one thread is faster than two
constexpr int64_t kFewRows = 24;            // rows of C below which packing B costs more than it saves
constexpr int64_t kBlockM = 480;            // a block of C [480, 256] stays in the second-level cache while the pieces of k
constexpr int64_t kBlockN = 256;            // are added, next to a piece of B [256, 256]
constexpr int64_t kSmallBlock = 1 << 16;    // multiplications that are worth a block of their own
constexpr int64_t kTasks = 16;              // blocks of C that are worth smaller blocks
constexpr int64_t kPackedBytes = 16 << 20;  // packed columns of B at a time
constexpr int64_t kSplitBlocks = 32;        // tasks of a weight gradient, whose long sums are split

template <class T>
T* packing_memory(int64_t count) {
  thread_local Scratch<T> scratch;
  return scratch.get(count);
}
template <class T>
T* shared_packing_memory(int64_t count) {  // of the thread that started the product
  thread_local Scratch<T> scratch;
  return scratch.get(count);
}
template <class T>
T* split_memory(int64_t count) {
  thread_local Scratch<T> scratch;
  return scratch.get(count);
}

template <class T>
void run_unpacked(Product<T> x) {
  if (x.rounded) {
    const int64_t a_rows = x.transpose_a ? x.k : x.m, a_columns = x.transpose_a ? x.m : x.k;
    const int64_t b_rows = x.transpose_b ? x.n : x.k, b_columns = x.transpose_b ? x.k : x.n;
    T* a = rounding_memory<T>(rounded_size(a_rows, a_columns) + rounded_size(b_rows, b_columns));
    T* b = a + rounded_size(a_rows, a_columns);
    x.lda = rounded_copy(a_rows, a_columns, x.a, x.lda, a), x.a = a;
    x.ldb = rounded_copy(b_rows, b_columns, x.b, x.ldb, b), x.b = b;
  }
  simd<T>().gemm(x.transpose_a, x.transpose_b, x.m, x.n, x.k, x.a, x.lda, x.b, x.ldb, x.c, x.ldc, x.epilogue);
}

template <class T>
void pack_b(const Product<T>& x, T* packed) {
  const Simd<T>& table = simd<T>();
  table.gemm_pack(x.transpose_b, x.n, x.k, x.b, x.ldb, packed);
  if (x.rounded) table.round_bf16(packed, packed, round_up(x.n, table.gemm_panel) * x.k);
}

template <class T>
void multiply_packed(Product<T> x, const T* packed, const GemmAhead<T>& ahead) {
  if (x.rounded) {
    const int64_t rows = x.transpose_a ? x.k : x.m, columns = x.transpose_a ? x.m : x.k;
    T* a = rounding_memory<T>(rounded_size(rows, columns));
    x.lda = rounded_copy(rows, columns, x.a, x.lda, a), x.a = a;
  }
  simd<T>().gemm_packed(x.transpose_a, x.m, x.n, x.k, x.a, x.lda, packed, x.c, x.ldc, x.epilogue, ahead);
}

template <class T>
GemmAhead<T> b_ahead(const Product<T>& x) {
  return x.transpose_b ? GemmAhead<T>{x.b, x.n, x.k, x.ldb} : GemmAhead<T>{x.b, x.k, x.n, x.ldb};
}

template <class T>
int64_t whole_panels(int64_t n) {
  return round_up(n, simd<T>().gemm_panel);
}

// On this thread: blocks of B that stay in the cache are packed one after the other.
template <class T>
void run_serial(const Product<T>& x) {
  if (x.m <= kFewRows || x.n * x.k <= 4096) return run_unpacked(x);
  const int64_t depth = gemm_depth(x.k);
  for (int64_t j = 0; j < x.n; j += kBlockN) {
    const int64_t columns = std::min(kBlockN, x.n - j);
    T* packed = packing_memory<T>(whole_panels<T>(columns) * std::min(depth, x.k));
    for (int64_t p = 0; p == 0 || p < x.k; p += depth) {
      const Product<T> piece = x.part(0, x.m, j, columns, p, std::min(depth, x.k - p));
      const int64_t next = p + depth;
      GemmAhead<T> ahead;
      if (next < x.k) ahead = b_ahead(x.part(0, x.m, j, columns, next, std::min(depth, x.k - next)));
      pack_b(piece, packed);
      multiply_packed(piece, packed, ahead);
    }
  }
}

// Few rows: columns of C over the threads, nothing is packed.
template <class T>
void run_few_rows(const Product<T>& x) {
  const int64_t grain = whole_panels<T>(ceil_div(x.n, 4));
  parallel_for(x.n, grain, [&](int64_t begin, int64_t end) { run_unpacked(x.block(0, x.m, begin, end - begin)); });
}

// Packs B for run_packed, over the threads. Layout: [k pieces][panels][depth, panel].
template <class T>
void pack_all(const Product<T>& x, T* packed) {
  const int64_t panel = simd<T>().gemm_panel, width = whole_panels<T>(x.n), depth = gemm_depth(x.k);
  const int64_t pieces = ceil_div(x.k, depth), panels = width / panel;
  const int64_t grain = std::max<int64_t>(1, 16384 / (panel * std::min(depth, x.k) + 1));
  parallel_for(pieces * panels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t p = task / panels * depth, j = task % panels * panel, length = std::min(depth, x.k - p);
      pack_b(x.part(0, x.m, j, std::min(panel, x.n - j), p, length), packed + p * width + j * length);
    }
  });
}

// Blocks of C over the threads. Few rows are split into narrower blocks, each worth the while of a thread.
template <class T>
void run_packed(const Product<T>& x, const T* packed) {
  const int64_t panel = simd<T>().gemm_panel, width = whole_panels<T>(x.n), depth = gemm_depth(x.k);
  const int64_t most_n = x.k > kGemmDepth ? kBlockN : 2 * kBlockN;  // one piece of k: C is only written
  const auto panels_for = [&](int64_t blocks) { return round_up(ceil_div(x.n, std::max<int64_t>(1, blocks)), panel); };
  const int64_t wide_n = panels_for(ceil_div(x.n, most_n));
  const int64_t most_m = std::clamp<int64_t>(ceil_div(x.m, ceil_div(kTasks, ceil_div(x.n, wide_n))), 96, kBlockM);
  const int64_t block_m = round_up(ceil_div(x.m, ceil_div(x.m, most_m)), 12), blocks_m = ceil_div(x.m, block_m);
  // Reading B takes about as long as multiplying 12 rows.
  const int64_t wanted = std::min(kTasks, std::max<int64_t>(x.m, 12) * x.n * x.k / kSmallBlock);
  const int64_t block_n = std::min(wide_n, panels_for(wanted / blocks_m));
  const int64_t blocks_n = ceil_div(x.n, block_n);
  parallel_for(blocks_m * blocks_n, 1, [&](int64_t task, int64_t) {
    const int64_t i = task / blocks_n * block_m, j = task % blocks_n * block_n;
    const int64_t rows = std::min(block_m, x.m - i), columns = std::min(block_n, x.n - j);
    for (int64_t p = 0; p == 0 || p < x.k; p += depth) {
      const int64_t next = p + depth, length = std::min(depth, x.k - p), next_length = std::min(depth, x.k - next);
      GemmAhead<T> ahead;
      if (next < x.k) ahead = {packed + next * width + j * next_length, 1, whole_panels<T>(columns) * next_length, 0};
      multiply_packed(x.part(i, rows, j, columns, p, length), packed + p * width + j * length, ahead);
    }
  });
}

template <class T>
void run_parallel(const Product<T>& x) {
  const int64_t panel = simd<T>().gemm_panel;
  const int64_t budget = kPackedBytes / static_cast<int64_t>(sizeof(T)) / std::max<int64_t>(1, x.k);
  const int64_t slice = std::max(kBlockN, budget / panel * panel);
  for (int64_t j = 0; j < x.n; j += slice) {
    const Product<T> columns = x.block(0, x.m, j, std::min(slice, x.n - j));
    T* packed = shared_packing_memory<T>(whole_panels<T>(columns.n) * x.k);
    pack_all(columns, packed);
    run_packed(columns, packed);
  }
}

// A weight gradient X^T dY: few blocks of C, long sums. Pieces of k go to the threads, and their results are added in order.
template <class T>
void run_split(const Product<T>& x, int64_t pieces) {
  const int64_t depth = round_up(ceil_div(x.k, pieces), kGemmDepth);
  pieces = ceil_div(x.k, depth);
  const int64_t blocks_m = ceil_div(x.m, kBlockM), blocks_n = ceil_div(x.n, kBlockN), size = x.m * x.n;
  T* partial = split_memory<T>(pieces * size);
  parallel_for(pieces * blocks_m * blocks_n, 1, [&](int64_t task, int64_t) {
    const int64_t j = task % blocks_n * kBlockN, i = task / blocks_n % blocks_m * kBlockM;
    const int64_t piece = task / blocks_n / blocks_m, p = piece * depth;
    Product<T> sum = x.part(i, std::min(kBlockM, x.m - i), j, std::min(kBlockN, x.n - j), p, std::min(depth, x.k - p));
    sum.c = partial + piece * size + i * x.n + j, sum.ldc = x.n, sum.epilogue = {};
    run_serial(sum);
  });
  add_pieces(x, pieces, partial);
}

// "gemm [*,128][128,384]"; the * is the side that varies from batch to batch.
std::string name_of(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k) {
  if (transpose_a && !transpose_b) return join("gemm [*,", m, "]^T[*,", n, "]");
  const std::string right = transpose_b ? join("[", n, ",", k, "]^T") : join("[", k, ",", n, "]");
  return transpose_a ? join("gemm [", k, ",*]^T", right) : join("gemm [*,", k, "]", right);
}

// The work of the product that is being measured.
template <class T>
void count_product(int64_t m, int64_t n, int64_t k) {
  const double sides[] = {static_cast<double>(m), static_cast<double>(n), static_cast<double>(k)};
  const double elements = sides[0] * sides[1] + sides[0] * sides[2] + sides[1] * sides[2];
  count_work(2 * sides[0] * sides[1] * sides[2], elements * sizeof(T));
}

// A tensor's bf16 as the bits that tiles are made of.
template <class Element>
auto* tile_values(Element* values) {
  using Bits = std::conditional_t<std::is_const_v<Element>, const uint16_t, uint16_t>;
  return reinterpret_cast<Bits*>(values);
}

}  // namespace

template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
          int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue, Precision precision) {
  const Product<T> x{transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, epilogue, rounds<T>(precision)};
  if (m <= 0 || n <= 0) return;
  const Measured measured([=] { return name_of(transpose_a, transpose_b, m, n, k); });
  if (profiling()) count_product<T>(m, n, k);
  if constexpr (std::is_same_v<T, float>) {
    if (x.rounded && tiles()) return run_tiles(x, *tiles());
  }
  if (transpose_a && k > kSplitK) {
    const int64_t blocks = ceil_div(m, kBlockM) * ceil_div(n, kBlockN);
    const int64_t pieces = std::min(ceil_div(k, 2 * kGemmDepth), kSplitBlocks / blocks);
    if (pieces > 1) return run_split(x, pieces);
  }
  if (m * n * std::max<int64_t>(k, 1) <= kSmall) return run_serial(x);
  m <= kFewRows ? run_few_rows(x) : run_parallel(x);
}

template <class T>
void gemm_serial(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b,
                 int64_t ldb, T* c, int64_t ldc, const Epilogue<T>& epilogue, Precision precision) {
  if (m <= 0 || n <= 0) return;
  const Product<T> x{transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, epilogue, rounds<T>(precision)};
  if constexpr (std::is_same_v<T, float>) {
    if (x.rounded && tiles()) return run_tiles_serial(x, *tiles());
  }
  run_serial(x);
}

PackedMatrix::PackedMatrix(const Tensor& b, bool transposed, Precision precision)
    : k_(transposed ? b.columns() : b.rows()), n_(transposed ? b.rows() : b.columns()) {
  for_real(b.dtype(), "packed matrix", [&](auto zero) {
    using T = decltype(zero);
    rounded_ = rounds<T>(precision), set_ = static_cast<int>(isa());
    const Product<T> all{false, transposed, 1, n_, k_, nullptr, k_, b.data<T>(), b.columns(), nullptr, n_, {}, rounded_};
    if constexpr (std::is_same_v<T, float>) {
      if (rounded_ && tiles()) {
        values_ = Tensor({packed_tiles_size(n_, k_)}, DType::bf16);
        return pack_all_tiles(all, *tiles(), tile_values(values_.data<bf16>()));
      }
    }
    values_ = Tensor({whole_panels<T>(n_) * k_}, b.dtype());
    pack_all(all, values_.data<T>());
  });
}

Tensor PackedMatrix::product(const Tensor& x, const Tensor& bias, bool relu) const {
  require(x.shape().rank() >= 1 && x.columns() == k_, "packed matrix: inner sizes differ, x is ", x.shape(),
          ", the matrix is [", k_, ",", n_, "]; x must be [.., ", k_, "]");
  const int64_t m = x.rows();
  const Measured measured([&] { return name_of(false, false, m, n_, k_); });
  Tensor y(x.shape().with(-1, n_), x.dtype());
  for_real(x.dtype(), "packed matrix", [&](auto zero) {
    using T = decltype(zero);
    check(set_ == static_cast<int>(isa()), "packed matrix: laid out for ", tensor::name_of(static_cast<Isa>(set_)), ", not ",
          tensor::name_of(isa()));
    if (profiling()) count_product<T>(m, n_, k_);
    const Epilogue<T> epilogue{.bias = bias.defined() ? bias.data<T>() : nullptr, .relu = relu};
    if (y.size() == 0) return;
    const Product<T> all{false, false, m, n_, k_, x.data<T>(), k_, nullptr, 0, y.data<T>(), n_, epilogue, rounded_};
    if constexpr (std::is_same_v<T, float>) {
      if (rounded_ && tiles()) return run_packed_tiles(all, *tiles(), tile_values(values_.data<bf16>()));
    }
    run_packed(all, values_.data<T>());
  });
  return y;
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float*, int64_t,
                   const Epilogue<float>&, Precision);
template void gemm(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, double*, int64_t,
                   const Epilogue<double>&, Precision);
template void gemm_serial(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float*,
                          int64_t, const Epilogue<float>&, Precision);
template void gemm_serial(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, double*,
                          int64_t, const Epilogue<double>&, Precision);

}  // namespace tensor
