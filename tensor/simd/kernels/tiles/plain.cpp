// Tiles in plain C++, which add up and round as AMX does (tensor/simd/tiles.h), but for products that by themselves are infinite
// or denormal: AMX adds the exact product. For tests.
#include "tensor/simd/kernels/tiles/tile_product.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

inline float flushed(float x) { return __builtin_fabsf(x) < __FLT_MIN__ ? __builtin_copysignf(0.0f, x) : x; }
inline float value_of(uint16_t bits) { return flushed(__builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16)); }

class PlainTiles {
 public:
  struct Session {
    Session() {}
  };

  void add(const uint16_t* a, const uint16_t* b, int64_t blocks) {
    for (int64_t p = 0; p < blocks; ++p) {
      load(a + p * kTileBlock, b + p * kTileBlock);
      multiply();
    }
  }
  void load(const uint16_t* a, const uint16_t* b) {
    for (int64_t i = 0; i < kTileSide; ++i) {
      for (int64_t p = 0; p < kTileSide; ++p) {
        a_[i][p] = value_of(a[i * kTileSide + p]);
        b_[p][i] = value_of(b[i / kPairs * kTile + p / 2 * kTileSide + i % kPairs * 2 + p % 2]);
      }
    }
  }
  void multiply() {
    for (int64_t i = 0; i < kTileSide; ++i) {
      float even[kTileSide] = {}, odd[kTileSide] = {};
      for (int64_t p = 0; p < kTileSide; p += 2) {
        for (int64_t j = 0; j < kTileSide; ++j) {
          even[j] = flushed(even[j] + a_[i][p] * b_[p][j]);
          odd[j] = flushed(odd[j] + a_[i][p + 1] * b_[p + 1][j]);
        }
      }
      for (int64_t j = 0; j < kTileSide; ++j) sums_[i][j] = flushed(sums_[i][j] + flushed(even[j] + odd[j]));
    }
  }
  void store(float* c, int64_t ldc) const {
    for (int64_t i = 0; i < kTileSide; ++i) __builtin_memcpy(c + i * ldc, sums_[i], sizeof sums_[i]);
  }

 private:
  float sums_[kTileSide][kTileSide] = {};
  float a_[kTileSide][kTileSide], b_[kTileSide][kTileSide];  // [row, k], [k, column]
};

}  // namespace

TileKernels tiles() { return tile_kernels<PlainTiles, Rounding>(); }

}  // namespace tensor::kernels::GENREC_ISA
