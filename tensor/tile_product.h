// Products of bf16 tiles over several threads (tensor/simd/tiles.h), for sets that have them. Part of gemm.cpp.
#pragma once

#include <span>

#include "tensor/product.h"
#include "tensor/simd/tiles.h"

namespace tensor {

constexpr int64_t kTileDepth = 1024;  // steps of k in a piece: its block of A [256, 1024] takes 512 KB

constexpr int64_t tiled(int64_t side) { return round_up(side, kTileSide); }  // a side of a matrix that is packed

void run_tiles(const Product<float>& x, const TileKernels& tiles);         // on all threads
void run_tiles_serial(const Product<float>& x, const TileKernels& tiles);  // on this one
// Independent small products on this thread. All of some are packed before the first is multiplied: tiles cannot be loaded
// from what has not yet reached the cache.
void run_tile_batch(std::span<const Product<float>> batch, const TileKernels& tiles);

// B packed once for many products: [pieces of k][ceil(n / 32), ceil(length / 32), 1024].
int64_t packed_tiles_size(int64_t n, int64_t k);
void pack_all_tiles(const Product<float>& x, const TileKernels& tiles, uint16_t* packed);
void run_packed_tiles(const Product<float>& x, const TileKernels& tiles, const uint16_t* packed);

}  // namespace tensor
