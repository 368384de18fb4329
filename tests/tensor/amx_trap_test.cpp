// The instructions of AMX one by one, carried out by the processor or by the trap, and what the trap refuses.
#include "tests/tensor/amx_trap.h"

#include <cstring>

#include <immintrin.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tensor/products.h"

using tests::AmxTrap;

namespace {

struct alignas(64) Shapes {  // as ldtilecfg reads them
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t colsb[16] = {};
  uint8_t rows[16] = {};

  // Of c [rows, columns] += a [rows, pairs] b [pairs, columns] in tiles 0, 1 and 2.
  static Shapes of_product(int rows, int columns, int pairs) {
    Shapes x;
    x.rows[0] = x.rows[1] = static_cast<uint8_t>(rows), x.rows[2] = static_cast<uint8_t>(pairs);
    x.colsb[0] = x.colsb[2] = static_cast<uint16_t>(4 * columns), x.colsb[1] = static_cast<uint16_t>(4 * pairs);
    return x;
  }
};

// c += a b; strides in bytes. (The intrinsics do not tell GCC what memory they read.)
[[gnu::target("amx-tile,amx-bf16"), gnu::noinline]] void multiply(const Shapes& shapes, const uint16_t* a, int64_t stride_a,
                                                                  const uint16_t* b, int64_t stride_b, float* c,
                                                                  int64_t stride_c) {
  __asm__ volatile("" : : : "memory");
  _tile_loadconfig(&shapes);
  _tile_loadd(1, a, stride_a);
  _tile_stream_loadd(2, b, stride_b);
  _tile_loadd(0, c, stride_c);
  _tile_dpbf16ps(0, 1, 2);
  _tile_stored(0, c, stride_c);
  _tile_release();
}

// The shapes before and after the release, and what tile 7 is, once loaded from x and once zeroed.
[[gnu::target("amx-tile"), gnu::noinline]] void load_and_clear(const Shapes& shapes, const float* x, Shapes* held,
                                                               Shapes* left, float* loaded, float* cleared) {
  __asm__ volatile("" : : : "memory");
  _tile_loadconfig(&shapes);
  _tile_loadd(7, x, 64);
  _tile_stored(7, loaded, 64);
  _tile_zero(7);
  _tile_stored(7, cleared, 64);
  _tile_storeconfig(held);
  _tile_release();
  _tile_storeconfig(left);
  __asm__ volatile("" : : : "memory");
}

[[gnu::target("amx-tile"), gnu::noinline]] void configure(const Shapes& shapes) {
  __asm__ volatile("" : : : "memory");
  _tile_loadconfig(&shapes);
}
[[gnu::target("amx-tile"), gnu::noinline]] void release() { _tile_release(); }

}  // namespace

TEST_CASE("a product of tiles worked out by hand", "[amx][bf16]") {
  if (!tests::amx_runs_here()) return;
  const AmxTrap trap;
  const auto bf16 = [](std::vector<float> x) {
    std::vector<uint16_t> bits;
    for (const float value : x) bits.push_back(tensor::bf16_bits(value));
    return bits;
  };
  const auto a = bf16({1, 2, 3, 4, -9, -9, 5, 6, 7, 8});              // two rows, two elements between them
  const auto b = bf16({1, 3, 2, 4, -9, -9, -9, -9, 5, 7, 6, 8});      // of [1 2; 3 4; 5 6; 7 8], pairs down the columns
  std::vector<float> c{0.5f, 0, 77, 0, 0.25f, 77};
  multiply(Shapes::of_product(2, 2, 2), a.data(), 12, b.data(), 16, c.data(), 12);
  CHECK(c == std::vector<float>{50.5f, 60, 77, 114, 140.25f, 77});
  CHECK(trap.fault() == "");
  CHECK(trap.configured_threads() == 0);
}

TEST_CASE("a product of tiles of any shape", "[amx][bf16]") {
  if (!tests::amx_runs_here()) return;
  const AmxTrap trap;
  tensor::Generator random(4, "tiles");
  const auto integers = [&](int64_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(random.below(17)) - 8;
    return values;
  };
  for (int repeat = 0; repeat < 100; ++repeat) {
    const auto side = [&] { return static_cast<int>(1 + random.below(16)); };
    const int rows = side(), columns = side(), pairs = side();
    const auto a = integers(rows * 2 * pairs), b = integers(2 * pairs * columns), before = integers(16 * 16);
    std::vector<uint16_t> left(16 * 32, tensor::bf16_bits(NAN)), right = left;
    for (int i = 0; i < rows; ++i) {
      for (int p = 0; p < 2 * pairs; ++p) left[i * 32 + p] = tensor::bf16_bits(a[i * 2 * pairs + p]);
    }
    for (int p = 0; p < 2 * pairs; ++p) {
      for (int j = 0; j < columns; ++j) right[p / 2 * 32 + 2 * j + p % 2] = tensor::bf16_bits(b[p * columns + j]);
    }
    std::vector<float> want = before, c = before;
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        for (int p = 0; p < 2 * pairs; ++p) want[i * 16 + j] += a[i * 2 * pairs + p] * b[p * columns + j];
      }
    }
    multiply(Shapes::of_product(rows, columns, pairs), left.data(), 64, right.data(), 64, c.data(), 64);
    CHECK(c == want);  // every sum is exact
  }
  CHECK(trap.fault() == "");
}

TEST_CASE("tiles are loaded, zeroed, described and released", "[amx][bf16]") {
  if (!tests::amx_runs_here()) return;
  const AmxTrap trap;
  Shapes shapes = Shapes::of_product(3, 5, 7), held, left;
  shapes.rows[7] = 2, shapes.colsb[7] = 12;
  std::vector<float> x(20), loaded(20, 7), cleared(20, 7);
  for (int i = 0; i < 20; ++i) x[i] = static_cast<float>(i);
  load_and_clear(shapes, x.data(), &held, &left, loaded.data(), cleared.data());
  const Shapes none{.palette = 0};
  CHECK(std::memcmp(&held, &shapes, sizeof shapes) == 0);
  CHECK(std::memcmp(&left, &none, sizeof none) == 0);
  for (int i = 0; i < 20; ++i) {
    CHECK(loaded[i] == (i % 16 < 3 ? x[i] : 7));
    CHECK(cleared[i] == (i % 16 < 3 ? 0 : 7));
  }
  if (!trap.installed()) return;
  configure(shapes);
  CHECK(trap.configured_threads() == 1);
  release();
  CHECK(trap.configured_threads() == 0);
}

TEST_CASE("the trap says what a processor would refuse", "[amx][bf16]") {
  if (!tests::amx_runs_here()) return;
  if (tensor::has_isa(tensor::Isa::amx)) return tests::skip("this processor has AMX: nothing is trapped");
  const auto fault_of = [](auto change) {
    Shapes shapes = Shapes::of_product(2, 2, 2);
    change(shapes);
    const std::vector<uint16_t> x(16 * 32);
    std::vector<float> c(16 * 16);
    const AmxTrap trap;
    multiply(shapes, x.data(), 64, x.data(), 64, c.data(), 64);
    return trap.fault();
  };
  CHECK(fault_of([](Shapes&) {}) == "");
  CHECK(fault_of([](Shapes& x) { x.palette = 2; }) == "ldtilecfg: #GP: no such palette (2, 0)");
  CHECK(fault_of([](Shapes& x) { x.reserved[13] = 3; }) == "ldtilecfg: #GP: a reserved byte is not zero (15, 3)");
  CHECK(fault_of([](Shapes& x) { x.rows[3] = 17, x.colsb[3] = 4; }) == "ldtilecfg: #GP: too many rows of a tile (3, 17)");
  CHECK(fault_of([](Shapes& x) { x.colsb[1] = 65; }) == "ldtilecfg: #GP: too many bytes in a row of a tile (1, 65)");
  CHECK(fault_of([](Shapes& x) { x.rows[8] = 1; }) == "ldtilecfg: #GP: a shape for a tile that is not there (8, 0)");
  CHECK(fault_of([](Shapes& x) { x.rows[4] = 1; }) == "ldtilecfg: #GP: rows without bytes, or bytes without rows (1, 0)");
  CHECK(fault_of([](Shapes& x) { x.palette = 0; }) == "tileloadd: #UD: no tiles are configured (1, 0)");
  CHECK(fault_of([](Shapes& x) { x.rows[2] = 0, x.colsb[2] = 0; }) == "tileloaddt1: #UD: the tile has no shape (2, 0)");
  CHECK(fault_of([](Shapes& x) { x.start_row = 2; }) == "tileloadd: #GP: starts behind the last row (2, 2)");
  CHECK(fault_of([](Shapes& x) { x.rows[1] = 3; }) == "tdpbf16ps: #UD: rows of the sums are not tsrc1's (2, 3)");
  CHECK(fault_of([](Shapes& x) { x.colsb[2] = 12; }) == "tdpbf16ps: #UD: columns of the sums are not tsrc2's (8, 12)");
  CHECK(fault_of([](Shapes& x) { x.rows[2] = 3; }) == "tdpbf16ps: #UD: pairs of tsrc1 are not rows of tsrc2 (2, 3)");
  CHECK(fault_of([](Shapes& x) { x.colsb[1] = 6; }) == "tdpbf16ps: #UD: half a pair at the end of a row (6, 8)");
}

TEST_CASE("what the trap does not know ends the program as without it", "[amx]") {
  if (!tests::amx_runs_here()) return;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGILL, SIG_DFL);
    const AmxTrap trap;
    __asm__ volatile("ud2");
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGILL);
}
