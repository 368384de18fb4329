// The tiles of AMX: four of sums, two of A, two of B, each 16 rows of 64 bytes.
#include "tensor/simd/kernels/tiles/tile_product.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

struct alignas(64) TileShapes {  // as ldtilecfg reads them
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileShapes kShapes;

class AmxTiles {
 public:
  // The shapes belong to the thread; released, the registers cost nothing when threads change places.
  struct Session {
    Session() {
      __asm__ volatile("" : : : "memory");  // GCC's tile loads do not say that they read what has been packed
      _tile_loadconfig(&kShapes);
    }
    ~Session() { _tile_release(); }
  };

  AmxTiles() {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  // Each tile is loaded again as soon as its last product has begun, and B, which streams past, is fetched two blocks ahead: what
  // the processor loads for tiles by itself comes late (docs/results/cpu.md).
  void add(const uint16_t* a, const uint16_t* b, int64_t blocks) {
    if (blocks == 0) return;
    load(a, b);
    for (; blocks > 1; --blocks) {
      a += kTileBlock, b += kTileBlock;
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(4, a, 64);
      fetch_tile(b + 2 * kTileBlock);
      _tile_dpbf16ps(2, 5, 6);
      _tile_loadd(6, b, 64);
      fetch_tile(b + 2 * kTileBlock + kTile);
      _tile_dpbf16ps(3, 5, 7);
      _tile_loadd(7, b + kTile, 64);
      _tile_loadd(5, a + kTile, 64);
    }
    multiply();
  }
  void load(const uint16_t* a, const uint16_t* b) {
    _tile_loadd(4, a, 64);
    _tile_loadd(5, a + kTile, 64);
    _tile_loadd(6, b, 64);
    _tile_loadd(7, b + kTile, 64);
  }
  void multiply() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  void store(float* c, int64_t ldc) const {
    const int64_t row = ldc * static_cast<int64_t>(sizeof(float));
    _tile_stored(0, c, row);
    _tile_stored(1, c + kPairs, row);
    _tile_stored(2, c + kPairs * ldc, row);
    _tile_stored(3, c + kPairs * ldc + kPairs, row);
  }

 private:
  [[gnu::always_inline]] static void fetch_tile(const uint16_t* tile) {
#pragma GCC unroll 16
    for (int64_t i = 0; i < kTile; i += kTileSide) __builtin_prefetch(tile + i);
  }
};

// Processors with AMX round in one instruction. It takes denormal numbers for zero, as the products do.
struct NativeRounding {
  static void narrow(Vector<float> x, Vector<float> y, uint16_t* to) {
    const __m512bh both = _mm512_cvtne2ps_pbh(y, x);
    __builtin_memcpy(to, &both, sizeof both);
  }
  static Vector<float> pair(Vector<float> x, Vector<float> y) {
    alignas(64) static constexpr uint16_t kZipped[] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(y, x));
    return reinterpret_cast<Vector<float>>(_mm512_permutexvar_epi16(_mm512_load_si512(kZipped), both));
  }
};

}  // namespace

TileKernels tiles() {  // where the tests interpret the instructions of tiles, there may be no other new ones
  return __builtin_cpu_supports("avx512bf16") ? tile_kernels<AmxTiles, NativeRounding>() : tile_kernels<AmxTiles, Rounding>();
}

}  // namespace tensor::kernels::GENREC_ISA
