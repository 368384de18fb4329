#include "tensor/tile_product.h"

#include <algorithm>

namespace tensor {

namespace {

constexpr int64_t kTileRows = 256;
constexpr int64_t kTileColumns = 1024;           // of the sums of a weight gradient, and the least that are packed at a time
constexpr int64_t kBlockOfB = 1 << 18;           // elements of B that a block of C is made of, half a megabyte
constexpr int64_t kTileTasks = 16;              // blocks of C that are worth smaller blocks
constexpr int64_t kSmallTiles = 1 << 19;         // multiplications below which one thread is faster than two
constexpr int64_t kPackedTileBytes = 16 << 20;  // packed columns of B at a time
constexpr int64_t kPackedRows = 16 << 20;       // elements of A that are packed before the first product, and
constexpr int64_t kWorthPacking = 1 << 18;      // those that are worth a pass of all threads
constexpr int64_t kPackedColumns = 64;          // of B that a thread packs
constexpr int64_t kBatch = 16;                  // products at a time, of
constexpr int64_t kBatchSize = 1 << 17;         // packed elements
constexpr int64_t kGradientDepth = 256;         // steps of a weight gradient: its blocks of A, B and C take 1.6 MB at most

uint16_t* memory_of_a(int64_t count) {
  thread_local Scratch<uint16_t> scratch;
  return scratch.get(count);
}
uint16_t* memory_of_b(int64_t count) {
  thread_local Scratch<uint16_t> scratch;
  return scratch.get(count);
}
uint16_t* shared_memory_of_a(int64_t count) {  // these of the thread that started the product
  thread_local Scratch<uint16_t> scratch;
  return scratch.get(count);
}
uint16_t* shared_memory_of_b(int64_t count) {
  thread_local Scratch<uint16_t> scratch;
  return scratch.get(count);
}
float* tile_split_memory(int64_t count) {
  thread_local Scratch<float> scratch;
  return scratch.get(count);
}

// A longer k is a sum of equal pieces, added in order: the same ones for every product of that k.
constexpr int64_t depth_of(int64_t k) {
  const int64_t pieces = ceil_div(k, kTileDepth);
  return pieces <= 1 ? kTileDepth : tiled(ceil_div(k, pieces));
}

// f(p, length) for each piece of k; one, empty, if k is.
template <class F>
void for_pieces(int64_t k, F&& f) {
  const int64_t depth = depth_of(k);
  for (int64_t p = 0; p == 0 || p < k; p += depth) f(p, std::min(depth, k - p));
}

void multiply(const Product<float>& x, const TileKernels& tiles, const uint16_t* b) {
  uint16_t* a = memory_of_a(tiled(x.m) * tiled(x.k));
  tiles.pack_a(x.transpose_a, x.m, x.k, x.a, x.lda, a);
  const TileProduct product{x.m, x.n, x.k, a, b, x.c, x.ldc, x.epilogue};
  tiles.multiply(&product, 1);
}

// A weight gradient X^T dY: few blocks of C, long sums. Pieces of k go to the threads, and their results are added in order.
void run_split(const Product<float>& x, const TileKernels& tiles, int64_t pieces) {
  const int64_t depth = round_up(ceil_div(x.k, pieces), kTileDepth), size = x.m * x.n;
  pieces = ceil_div(x.k, depth);
  const int64_t blocks_m = ceil_div(x.m, kTileRows), blocks_n = ceil_div(x.n, kTileColumns);
  float* partial = tile_split_memory(pieces * size);
  parallel_for(pieces * blocks_m * blocks_n, 1, [&](int64_t task, int64_t) {
    const int64_t j = task % blocks_n * kTileColumns, i = task / blocks_n % blocks_m * kTileRows;
    const int64_t piece = task / blocks_n / blocks_m, p = piece * depth;
    Product<float> sum = x.part(i, std::min(kTileRows, x.m - i), j, std::min(kTileColumns, x.n - j), p, std::min(depth, x.k - p));
    sum.c = partial + piece * size + i * x.n + j, sum.ldc = x.n, sum.epilogue = {};
    uint16_t* b = memory_of_b(packed_tiles_size(sum.n, kGradientDepth));
    for (int64_t q = 0; q < sum.k; q += kGradientDepth) {
      const Product<float> steps = sum.part(0, sum.m, 0, sum.n, q, std::min(kGradientDepth, sum.k - q));
      tiles.pack_b(steps.transpose_b, steps.n, steps.k, steps.b, steps.ldb, b);
      multiply(steps, tiles, b);
    }
  });
  add_pieces(x, pieces, partial);
}

}  // namespace

int64_t packed_tiles_size(int64_t n, int64_t k) { return tiled(n) * tiled(k); }

void run_tiles_serial(const Product<float>& x, const TileKernels& tiles) {
  for (int64_t i = 0; i < x.m; i += kTileRows) {
    for (int64_t j = 0; j < x.n; j += kTileColumns) {
      for_pieces(x.k, [&](int64_t p, int64_t length) {
        const Product<float> piece = x.part(i, std::min(kTileRows, x.m - i), j, std::min(kTileColumns, x.n - j), p, length);
        uint16_t* b = memory_of_b(packed_tiles_size(piece.n, length));
        tiles.pack_b(x.transpose_b, piece.n, length, piece.b, x.ldb, b);
        multiply(piece, tiles, b);
      });
    }
  }
}

void run_tile_batch(std::span<const Product<float>> batch, const TileKernels& tiles) {
  TileProduct products[kBatch];
  while (!batch.empty()) {
    int64_t count = 0, size_a = 0, size_b = 0;
    for (const Product<float>& x : batch.first(std::min<size_t>(batch.size(), kBatch))) {
      const int64_t a = tiled(x.m) * tiled(x.k), b = packed_tiles_size(x.n, x.k);
      if (count > 0 && size_a + a + size_b + b > kBatchSize) break;
      ++count, size_a += a, size_b += b;
    }
    uint16_t *a = memory_of_a(size_a), *b = memory_of_b(size_b);
    for (int64_t i = 0; i < count; ++i) {
      const Product<float>& x = batch[i];
      products[i] = {x.m, x.n, x.k, a, b, x.c, x.ldc, x.epilogue};
      tiles.pack_a(x.transpose_a, x.m, x.k, x.a, x.lda, a);
      tiles.pack_b(x.transpose_b, x.n, x.k, x.b, x.ldb, b);
      a += tiled(x.m) * tiled(x.k), b += packed_tiles_size(x.n, x.k);
    }
    tiles.multiply(products, count);
    batch = batch.subspan(count);
  }
}

void pack_all_tiles(const Product<float>& x, const TileKernels& tiles, uint16_t* packed) {
  const int64_t depth = depth_of(x.k), width = tiled(x.n), groups = ceil_div(width, kPackedColumns);
  parallel_for(ceil_div(x.k, depth) * groups, std::max<int64_t>(1, 65536 / (kPackedColumns * std::min(depth, tiled(x.k)) + 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task) {
                   const int64_t p = task / groups * depth, j = task % groups * kPackedColumns, length = std::min(depth, x.k - p);
                   const Product<float> part = x.part(0, x.m, j, std::min(kPackedColumns, x.n - j), p, length);
                   tiles.pack_b(x.transpose_b, part.n, length, part.b, x.ldb, packed + p * width + j * tiled(length));
                 }
               });
}

// Blocks of C over the threads. Few rows are split into narrower blocks, each worth the while of a thread.
void run_packed_tiles(const Product<float>& x, const TileKernels& tiles, const uint16_t* packed) {
  const int64_t width = tiled(x.n), most_n = kBlockOfB / tiled(std::clamp<int64_t>(x.k, kTileSide, depth_of(x.k)));
  const auto columns_for = [&](int64_t blocks) { return tiled(ceil_div(x.n, std::max<int64_t>(1, blocks))); };
  const int64_t wide_n = columns_for(ceil_div(x.n, most_n));
  const int64_t most_m = std::clamp<int64_t>(ceil_div(x.m, ceil_div(kTileTasks, ceil_div(x.n, wide_n))), 64, kTileRows);
  const int64_t block_m = tiled(ceil_div(x.m, ceil_div(x.m, most_m))), blocks_m = ceil_div(x.m, block_m);
  const int64_t wanted = std::min(kTileTasks, tiled(x.m) * x.n * x.k / kSmallTiles);
  const int64_t block_n = std::min(wide_n, columns_for(wanted / blocks_m)), blocks_n = ceil_div(x.n, block_n);
  const int64_t depth = depth_of(x.k), pieces = std::max<int64_t>(1, ceil_div(x.k, depth));
  uint16_t* all_of_a = nullptr;  // packed once, where several blocks of columns read it
  const auto block_of_a = [&](int64_t i, int64_t p) { return all_of_a + i * tiled(x.k) + tiled(std::min(block_m, x.m - i)) * p; };
  if (blocks_n > 1 && x.m * x.k >= kWorthPacking && x.m * x.k <= kPackedRows) {
    all_of_a = shared_memory_of_a(tiled(x.m) * tiled(x.k));
    parallel_for(blocks_m * pieces, 1, [&](int64_t task, int64_t) {
      const int64_t i = task / pieces * block_m, p = task % pieces * depth;
      const Product<float> part = x.part(i, std::min(block_m, x.m - i), 0, x.n, p, std::min(depth, x.k - p));
      tiles.pack_a(x.transpose_a, part.m, part.k, part.a, x.lda, block_of_a(i, p));
    });
  }
  parallel_for(blocks_m * blocks_n, 1, [&](int64_t task, int64_t) {
    const int64_t i = task / blocks_n * block_m, j = task % blocks_n * block_n;
    for_pieces(x.k, [&](int64_t p, int64_t length) {
      const Product<float> part = x.part(i, std::min(block_m, x.m - i), j, std::min(block_n, x.n - j), p, length);
      const uint16_t* b = packed + p * width + j * tiled(length);
      if (!all_of_a) return multiply(part, tiles, b);
      const TileProduct product{part.m, part.n, part.k, block_of_a(i, p), b, part.c, part.ldc, part.epilogue};
      tiles.multiply(&product, 1);
    });
  });
}

void run_tiles(const Product<float>& x, const TileKernels& tiles) {
  if (x.m * x.n * std::max<int64_t>(x.k, 1) <= kSmallTiles) return run_tiles_serial(x, tiles);
  if (x.transpose_a && x.k > kSplitK) {
    const int64_t blocks = ceil_div(x.m, kTileRows) * ceil_div(x.n, kTileColumns);
    const int64_t pieces = std::min(ceil_div(x.k, kTileDepth), kTileTasks / blocks);
    if (pieces > 1) return run_split(x, tiles, pieces);
  }
  const int64_t budget = kPackedTileBytes / static_cast<int64_t>(sizeof(uint16_t)) / std::max<int64_t>(1, x.k);
  const int64_t slice = std::max(kTileColumns, budget / kTileSide * kTileSide);
  for (int64_t j = 0; j < x.n; j += slice) {
    const Product<float> columns = x.block(0, x.m, j, std::min(slice, x.n - j));
    uint16_t* packed = shared_memory_of_b(packed_tiles_size(columns.n, x.k));
    pack_all_tiles(columns, tiles, packed);
    run_packed_tiles(columns, tiles, packed);
  }
}

}  // namespace tensor
