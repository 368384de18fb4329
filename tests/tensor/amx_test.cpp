// The kernels made of AMX instructions, run by the processor or by the trap, to the bit of the tiles in plain C++. The other
// tests of bf16 run on AMX, too: tests::on_every_bf16_set.
#include <cstring>

#include "tensor/attention.h"
#include "tests/tensor/amx_trap.h"
#include "tests/tensor/products.h"

namespace tensor::kernels {
namespace generic {
TileKernels tiles();
}
namespace amx {
TileKernels tiles();
}
}  // namespace tensor::kernels

using tests::AmxInstruction;
using tests::AmxTrap;
using tests::Case;
using tests::Operands;

namespace {

template <class T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
}

struct Made {
  std::vector<uint16_t> a, b;  // packed
  std::vector<float> c;

  Made(const tensor::TileKernels& kernels, const Operands<float>& from) : c(from.c) {
    const Case& x = from.shape;
    const auto blocks = [](int64_t n) { return (n + tensor::kTileSide - 1) / tensor::kTileSide; };
    a.assign(blocks(x.m) * blocks(x.k) * tensor::kTileBlock + 1, 77);  // one more, a guard
    b.assign(blocks(x.n) * blocks(x.k) * tensor::kTileBlock + 1, 77);
    kernels.pack_a(x.transpose_a, x.m, x.k, from.a.data() + 1, from.lda, a.data());
    kernels.pack_b(x.transpose_b, x.n, x.k, from.b.data() + 1, from.ldb, b.data());
    const tensor::TileProduct product{x.m, x.n, x.k, a.data(), b.data(), c.data() + 1, from.ldc, from.epilogue()};
    kernels.multiply(&product, 1);
  }
};

void check_same(const Operands<float>& operands) {
  const Case& x = operands.shape;
  INFO("m " << x.m << " n " << x.n << " k " << x.k << " transposed " << x.transpose_a << x.transpose_b);
  const Made plain(tensor::kernels::generic::tiles(), operands), amx(tensor::kernels::amx::tiles(), operands);
  CHECK(same_bits(plain.a, amx.a));
  CHECK(same_bits(plain.b, amx.b));
  CHECK(same_bits(plain.c, amx.c));
}

}  // namespace

TEST_CASE("AMX packs and multiplies to the bits of plain tiles", "[amx][bf16][simd]") {
  if (!tests::amx_runs_here()) return;
  const AmxTrap trap;
  tensor::Generator random(1, "amx sizes");
  const int64_t sizes[] = {0, 1, 2, 3, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 97};
  const auto any_size = [&] { return sizes[random.below(std::size(sizes))]; };
  for (int repeat = 0; repeat < 80; ++repeat) {
    const uint64_t choice = random.below(32);
    const auto gap = [&] { return static_cast<int64_t>(random.below(2) * random.below(9)); };
    check_same(Operands<float>({(choice & 1) != 0, (choice & 2) != 0, any_size(), any_size(), any_size(), (choice & 4) != 0,
                                (choice & 8) != 0, (choice & 16) != 0, gap(), gap(), gap()}));
  }
  check_same(Operands<float>({false, true, 150, 70, 1100, true, true, true, 3, 1, 2}));
  check_same(Operands<float>({true, false, 33, 40, 4500, true, true, true, 1, 2, 3}));
  check_same(Operands<float>({true, true, 100, 90, 513, true, false, false, 0, 5, 1}));
  CHECK(trap.fault() == "");
  CHECK(trap.configured_threads() == 0);
}

TEST_CASE("AMX flushes small numbers as plain tiles do", "[amx][bf16]") {
  if (!tests::amx_runs_here()) return;
  const AmxTrap trap;
  Operands<float> operands({.transpose_a = false, .transpose_b = false, .m = 64, .n = 64, .k = 3, .rounded = true});
  // Of three bits, so that products are exact; the rows of A and the columns of B from 2^-70 to 2^56.
  const auto scale = [](float& value, int64_t i, int64_t line) {
    value = std::copysign(std::ldexp(1 + 0.25f * static_cast<float>(i % 4), static_cast<int>(line % 8 * 18 - 70)), value);
  };
  for (int64_t i = 0; i < 64 * 3; ++i) scale(operands.a[1 + i], i, i / 3), scale(operands.b[1 + i], i, i % 64);
  const Made plain(tensor::kernels::generic::tiles(), operands), amx(tensor::kernels::amx::tiles(), operands);
  CHECK(same_bits(plain.c, amx.c));
  int flushed = 0;
  for (int64_t i = 0; i < 64; ++i) {
    for (int64_t j = 0; j < 64; ++j) {
      const double exact = operands.expected(i, j);
      flushed += exact != 0 && std::abs(exact) < 0x1p-126 && amx.c[1 + i * operands.ldc + j] == 0;
    }
  }
  CHECK(flushed > 0);
  CHECK(trap.fault() == "");
}

TEST_CASE("the kernels execute the instructions that they are made of", "[amx][bf16]") {
  if (!tests::amx_runs_here()) return;
  if (tensor::has_isa(tensor::Isa::amx)) return tests::skip("this processor has AMX: nothing is trapped and counted");
  using enum AmxInstruction;
  const auto counts = [](const AmxTrap& trap) {
    CHECK(trap.fault() == "");
    CHECK(trap.configured_threads() == 0);
    std::vector<int64_t> all;
    for (const auto instruction : {ldtilecfg, tilezero, tileloadd, tdpbf16ps, tilestored, tilerelease}) {
      all.push_back(trap.executed(instruction));
    }
    return all;
  };
  {
    const AmxTrap trap;
    const Made amx(tensor::kernels::amx::tiles(), Operands<float>({false, false, 40, 70, 65}));  // 2 x 3 blocks, 3 deep
    CHECK(counts(trap) == std::vector<int64_t>{1, 24, 72, 72, 24, 1});
  }
  const AmxTrap trap;
  float sink[1] = {};
  CHECK(tensor::kernels::amx::tiles().peak(10, sink) == 10 * 2 * 32 * 32 * 32);
  CHECK(sink[0] == 0);
  CHECK(counts(trap) == std::vector<int64_t>{1, 4, 4, 40, 4, 1});
}

// What no softmax stands before, which differs between the sets in the last bits: the gradient of the values.
TEST_CASE("attention on AMX weighs to the bits of plain tiles", "[amx][bf16][attention]") {
  if (!tests::amx_runs_here()) return;
  const int64_t queries = 37, keys = 50, width = 24;
  const auto gradient = [&] {
    const Operands<float> from({true, false, keys, width, queries});  // of p [queries, keys] and the gradient of the result
    const std::vector<float> other(keys * width, 0.5f);
    std::vector<float> dq(queries * width), dk(keys * width), dv = dk, db(queries * keys + 64);
    const tensor::AttentionHead<float> head{.queries = queries, .keys = keys, .width = width, .q = {other.data(), width},
                                            .k = {other.data(), width}, .v = {other.data(), width}, .scale = 1.0f,
                                            .precision = tensor::Precision::bf16};
    const tensor::AttendBackward<float> problem{head, from.a.data(), {from.b.data(), width}, {dq.data(), width},
                                                {dk.data(), width}, {dv.data(), width}, db.data()};
    tensor::attend_backward<float>({&problem, 1});
    return dv;
  };
  tests::IsaAndThreadsGuard guard;
  tensor::set_isa("tiles");
  const std::vector<float> plain = gradient();
  std::vector<float> amx;
  tests::on_amx([&] { amx = gradient(); });
  CHECK(same_bits(plain, amx));
}
