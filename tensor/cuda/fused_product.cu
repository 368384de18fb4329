// A block makes a square tile of y. What it multiplies goes through shared memory in steps of `kDepth` of the inner dimension;
// where the tile is small, groups of threads ("slices") take parts of each step, and their sums are added in order.
#include "tensor/cuda/fused_product.h"

#include <algorithm>
#include <tuple>

#include "tensor/cuda/product_tile.h"
#include "tensor/divide.h"

namespace tensor::cuda {

namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// Multiplications up to which a kernel of our own is taken: some forty microseconds of a large GPU's fp32 units, or of its tensor
// cores at a third of their rate. Below, the launches and passes over memory that it saves are as long as what its tiles, which
// read w once for every few rows, lose to those of cuBLAS. A ReLU of its own would read and write all of y once more, which counts
// where the inner dimension is short. Estimated, not measured.
constexpr int64_t most_work(Precision precision, int64_t inner, bool relu) {
  constexpr int64_t kShort = 128;
  return int64_t{1} << (precision == Precision::bf16 || (relu && inner <= kShort) ? 32 : 30);
}

// Blocks that keep a large GPU busy, one for each of its multiprocessors: tiles are as large as leaves so many.
constexpr int64_t kEnoughBlocks = 128;

// write(i, read(i)) for every i below kCount, by all threads of the block. Each asks for several before it waits for the first.
template <int kCount, class Read, class Write>
__device__ void copy_elements(Read read, Write write) {
  constexpr int kAtOnce = 8, kPart = kAtOnce * kThreads;
  static_assert(kCount % kPart == 0);
#pragma unroll 1
  for (int first = static_cast<int>(threadIdx.x); first < kCount; first += kPart) {
    decltype(read(0)) values[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) values[u] = read(first + u * kThreads);
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) write(first + u * kThreads, values[u]);
  }
}

// In fp32: a thread has a small matrix of sums.
template <int kTile>
struct FmaTile {
  static constexpr int kDepth = 4096 / kTile, kStride = kDepth + 4, kRightStride = kTile + 4;
  static constexpr int kDown = 4, kAcross = kTile == 16 ? 2 : 4;  // sums of a thread
  static constexpr int kThreadRows = kTile / kDown, kThreadColumns = kTile / kAcross;
  static constexpr int kSlices = kThreads / (kThreadRows * kThreadColumns);
  static constexpr int kWords = kTile * kStride + kDepth * kRightStride;

  float *left, *right;  // [kTile, kDepth], [kDepth, kTile]
  float sums[kDown][kAcross] = {};

  __device__ explicit FmaTile(float* memory) : left(memory), right(memory + kTile * kStride) {}

  template <class Left, class Right>
  __device__ void stage(const Left& l, const Right& r) {
    const auto k = [&](int i) { return r.transposed ? i % kDepth : i / kTile; };
    const auto c = [&](int i) { return r.transposed ? i / kDepth : i % kTile; };
    copy_elements<kTile * kDepth>([&](int i) { return l(i / kDepth, i % kDepth); },
                                  [&](int i, float value) { left[i / kDepth * kStride + i % kDepth] = value; });
    copy_elements<kTile * kDepth>([&](int i) { return r(k(i), c(i)); },
                                  [&](int i, float value) { right[k(i) * kRightStride + c(i)] = value; });
  }

  __device__ void multiply() {
    constexpr int kPart = kDepth / kSlices;
    const int slice = thread() / (kThreadRows * kThreadColumns);
    for (int k = slice * kPart; k < (slice + 1) * kPart; k += 4) {
      float4 l[kDown];
#pragma unroll
      for (int i = 0; i < kDown; ++i) l[i] = *reinterpret_cast<const float4*>(left + (row() + i * kThreadRows) * kStride + k);
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        float r[kAcross];
        if constexpr (kAcross == 4) {
          const float4 four = *reinterpret_cast<const float4*>(right + (k + u) * kRightStride + column());
          r[0] = four.x, r[1] = four.y, r[2] = four.z, r[3] = four.w;
        } else {
          const float2 two = *reinterpret_cast<const float2*>(right + (k + u) * kRightStride + column());
          r[0] = two.x, r[1] = two.y;
        }
#pragma unroll
        for (int e = 0; e < kDown * kAcross; ++e) {
          const float4& row = l[e / kAcross];
          sums[e / kAcross][e % kAcross] += (u == 0 ? row.x : u == 1 ? row.y : u == 2 ? row.z : row.w) * r[e % kAcross];
        }
      }
    }
  }

  // To [kSlices, kTile, kTile].
  __device__ void store(float* to) const {
    to += thread() / (kThreadRows * kThreadColumns) * kTile * kTile;
#pragma unroll
    for (int e = 0; e < kDown * kAcross; ++e)
      to[(row() + e / kAcross * kThreadRows) * kTile + column() + e % kAcross] = sums[e / kAcross][e % kAcross];
  }

 private:
  __device__ static int thread() { return static_cast<int>(threadIdx.x); }
  __device__ static int row() { return thread() / kThreadColumns % kThreadRows; }
  __device__ static int column() { return thread() % kThreadColumns * kAcross; }
};

// Two neighbours of a column in a word. The rows are 8 words (modulo 32) apart: lanes that read a right side meet no other.
struct RowPairs {
  const uint32_t* words;
  int stride;
  __device__ uint32_t column_pair(int r, int c) const { return words[r / 2 * stride + c]; }
};

// In bf16, on tensor cores: a warp has 16 rows of sums.
template <int kTile>
struct TensorCoreTile {
  static constexpr int kDepth = 4096 / kTile, kStride = staged_stride(kDepth), kRightStride = (kTile + 31) / 32 * 32 + 8;
  static constexpr int kAcross = kTile < 32 ? kTile : 32;  // columns of a warp
  static constexpr int kWarpRows = kTile / kTileRows, kWarpColumns = kTile / kAcross;
  static constexpr int kSlices = kWarps / (kWarpRows * kWarpColumns);
  static constexpr int kWords = kTile * kStride + kDepth / 2 * kRightStride;

  uint32_t *left, *right;  // pairs of [kTile, kDepth] and [kDepth, kTile]
  ProductTile<kAcross> sums;

  __device__ explicit TensorCoreTile(float* memory)
      : left(reinterpret_cast<uint32_t*>(memory)), right(left + kTile * kStride) {
    sums.clear();
  }

  template <class Left, class Right>
  __device__ void stage(const Left& l, const Right& r) {
    constexpr int kPairs = kDepth / 2;
    const auto k = [&](int i) { return r.transposed ? i % kPairs : i / kTile; };  // of pairs
    const auto c = [&](int i) { return r.transposed ? i / kPairs : i % kTile; };
    copy_elements<kTile * kPairs>(
        [&](int i) { return pack_bf16(l(i / kPairs, i % kPairs * 2), l(i / kPairs, i % kPairs * 2 + 1)); },
        [&](int i, uint32_t pair) { left[i / kPairs * kStride + i % kPairs] = pair; });
    copy_elements<kTile * kPairs>([&](int i) { return pack_bf16(r(2 * k(i), c(i)), r(2 * k(i) + 1, c(i))); },
                                  [&](int i, uint32_t pair) { right[k(i) * kRightStride + c(i)] = pair; });
  }

  __device__ void multiply() {
    constexpr int kPart = kDepth / kSlices;
    const int first = slice() * kPart;
    sums.add(StagedMatrix{left, kStride}, row(), RowPairs{right, kRightStride}, first, first + kPart, column(), kTile);
  }

  __device__ void store(float* to) {
    to += slice() * kTile * kTile + row() * kTile + column();
    sums.for_each([&](int, int r, int c, float sum) { to[r * kTile + c] = sum; });
  }

 private:
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / kWarp; }
  __device__ static int slice() { return warp() / (kWarpRows * kWarpColumns); }
  __device__ static int row() { return warp() / kWarpColumns % kWarpRows * kTileRows; }
  __device__ static int column() { return warp() % kWarpColumns * kAcross; }
};

// The matrices from the block's corner and a step of the inner dimension on; 0 outside.
struct LeftPart {
  const FusedProduct& of;
  const float* inverse;  // 1 / root mean square of each row
  int row, first;
  __device__ float operator()(int r, int k) const {
    if (row + r >= of.rows || first + k >= of.inner) return 0;
    const float value = of.x[(row + r) * of.inner + first + k];
    return of.norm ? of.factor * (value * of.norm[first + k] * inverse[r]) : value;
  }
};
struct RightPart {
  const FusedProduct& of;
  int first, column;
  bool transposed;
  __device__ float operator()(int k, int c) const {
    if (first + k >= of.inner || column + c >= of.columns) return 0;
    return of.w[transposed ? (column + c) * of.inner + first + k : (first + k) * of.columns + column + c];
  }
};

template <class Tile>
constexpr int words_of(int tile) {  // of shared memory: the matrices, or the sums; and an inverse for each row
  const int sums = Tile::kSlices * tile * tile;
  return (Tile::kWords > sums ? Tile::kWords : sums) + tile;
}

template <template <int> class Tile, int kTile>
__global__ void fused_product_kernel(FusedProduct x) {
  using Sums = Tile<kTile>;
  float *memory = shared_memory<float>(), *inverse = memory + words_of<Sums>(kTile) - kTile;
  const int tile = static_cast<int>(blockIdx.x), across = (x.columns + kTile - 1) / kTile;
  const int row = tile / across * kTile, column = tile % across * kTile;
  for (int r = static_cast<int>(threadIdx.x) / kWarp; x.norm && r < kTile && row + r < x.rows; r += kWarps) {
    const float root = inverse_root_mean_square(x.x + (row + r) * x.inner, x.inner, x.epsilon);
    if (lane_of_warp() == 0) inverse[r] = root;
  }
  Sums sums(memory);
  for (int first = 0; first < x.inner; first += Sums::kDepth) {
    __syncthreads();
    sums.stage(LeftPart{x, inverse, row, first}, RightPart{x, first, column, x.transposed});
    __syncthreads();
    sums.multiply();
  }
  __syncthreads();
  sums.store(memory);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile; i += kThreads) {
    const int r = row + i / kTile, c = column + i % kTile;
    if (r >= x.rows || c >= x.columns) continue;
    float sum = memory[i];
    for (int slice = 1; slice < Sums::kSlices; ++slice) sum += memory[slice * kTile * kTile + i];
    float& y = x.y[r * x.columns + c];
    if (x.bias) sum += x.bias[c];
    if (x.accumulate) sum += y;
    y = x.relu ? fmaxf(sum, 0) : sum;
  }
}

int64_t blocks_of(const FusedProduct& x, int tile) { return ceil_div(x.rows, tile) * ceil_div(x.columns, tile); }

template <template <int> class Tile, int kTile>
void launch_tiles(const FusedProduct& x) {
  const size_t shared = words_of<Tile<kTile>>(kTile) * sizeof(float);
  launch("fused_product", dim3(static_cast<unsigned>(blocks_of(x, kTile))), dim3(kThreads), shared,
         fused_product_kernel<Tile, kTile>, x);
}

template <template <int> class Tile>
void launch_product(const FusedProduct& x) {
  if (blocks_of(x, 64) >= kEnoughBlocks) launch_tiles<Tile, 64>(x);
  else if (blocks_of(x, 32) >= kEnoughBlocks) launch_tiles<Tile, 32>(x);
  else launch_tiles<Tile, 16>(x);
}

}  // namespace

bool fused_product_pays(int64_t rows, int64_t inner, int64_t columns, Precision precision, bool relu) {
  const int64_t elements = std::max({rows * inner, inner * columns, rows * columns});  // indices have 32 bits
  return elements < int64_t{1} << 31 && rows * std::max<int64_t>(1, inner) * columns <= most_work(precision, inner, relu);
}

void fused_product(const FusedProduct& product, Precision precision) {
  const auto& [rows, inner, columns] = std::tie(product.rows, product.inner, product.columns);
  tensor::check(fused_product_pays(rows, inner, columns, precision, product.relu), "fused_product: ", rows, " x ", inner, " x ",
                columns);
  precision == Precision::bf16 ? launch_product<TensorCoreTile>(product) : launch_product<FmaTile>(product);
}

}  // namespace tensor::cuda
