// The handler of SIGILL: decoding, the tiles of each thread, and what the instructions do to them. Names such as colsb and
// tsrc1 are those of the manual. The handler runs on the stack of the thread that it interrupts (no SA_ONSTACK: only the
// main thread has another one), allocates nothing and touches only atomics and the thread's own tiles. Under
// AddressSanitizer the memory of tile loads and stores is checked as any other.
#include "tests/tensor/amx_trap.h"

#include <atomic>
#include <cstring>

#include <cpuid.h>
#include <immintrin.h>
#include <signal.h>
#include <ucontext.h>

#include "tensor/error.h"
#include "tensor/simd/simd.h"

namespace tests {

namespace {

constexpr int kTiles = 8, kRows = 16, kRowBytes = 64, kInstructions = 8;  // of palette 1
constexpr const char* kNames[kInstructions] = {"ldtilecfg", "sttilecfg",   "tilerelease", "tilezero",
                                               "tileloadd", "tileloaddt1", "tilestored",  "tdpbf16ps"};

struct Config {  // in memory, and here; palette 0: not configured
  uint8_t palette, start_row, reserved[14];
  uint16_t colsb[16];
  uint8_t rows[16];
};
static_assert(sizeof(Config) == 64);

struct Machine {
  Config config;
  alignas(64) uint8_t tiles[kTiles][kRows][kRowBytes];
};
constinit thread_local Machine machine{};

struct Refusal {  // nothing is refused if it says nothing
  const char* why = nullptr;
  int first = 0, second = 0;  // the numbers in question
};

std::atomic<int64_t> executed_count[kInstructions];
std::atomic<int> configured_count, refused;  // refused: 1 while the first refusal is written, then 2
Refusal first_refusal;
AmxInstruction refused_instruction;
struct sigaction previous;

// One instruction of the form VEX.128.0F38.W0.
struct Code {
  uint8_t opcode, prefix;  // prefix: 0, or 1 for 66, 2 for F3, 3 for F2
  int reg, rm, vvvv;       // numbers of registers; rm where `memory` is false
  bool memory, sib;
  uint8_t* address;        // without the index of a SIB byte
  int64_t stride;          // the index, scaled
  int length;
};

bool decode(const greg_t* registers, Code& code) {
  static constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                         REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  const auto* at = reinterpret_cast<const uint8_t*>(registers[REG_RIP]);
  if (at[0] != 0xc4 || (at[1] & 0x1f) != 2 || (at[2] & 0x84) != 0) return false;
  const int high_reg = at[1] & 0x80 ? 0 : 8, high_index = at[1] & 0x40 ? 0 : 8, high_rm = at[1] & 0x20 ? 0 : 8;
  const int mod = at[4] >> 6, rm = at[4] & 7;
  code = {.opcode = at[3], .prefix = static_cast<uint8_t>(at[2] & 3), .reg = (at[4] >> 3 & 7) | high_reg,
          .rm = rm | high_rm, .vvvv = ~at[2] >> 3 & 15, .memory = mod != 3, .sib = mod != 3 && rm == 4,
          .address = nullptr, .stride = 0, .length = 5};
  if (!code.memory) return true;
  int base = rm;
  if (code.sib) {
    const uint8_t sib = at[code.length++];
    const int index = (sib >> 3 & 7) | high_index;
    base = sib & 7;
    if (index != 4) code.stride = registers[kRegisters[index]] << (sib >> 6);  // 4, rsp: none
  }
  const bool no_base = mod == 0 && base == 5;  // then 32 bits of displacement; without a SIB byte, from the next instruction
  int64_t address = no_base ? 0 : registers[kRegisters[base | high_rm]];
  if (mod == 1) {
    address += static_cast<int8_t>(at[code.length++]);
  } else if (mod == 2 || no_base) {
    int32_t displacement;
    std::memcpy(&displacement, at + code.length, sizeof displacement);
    code.length += 4;
    address += displacement + (no_base && !code.sib ? registers[REG_RIP] + code.length : 0);
  }
  code.address = reinterpret_cast<uint8_t*>(address);
  return true;
}

// Which one of AMX it is, if any.
bool identify(const Code& code, AmxInstruction& which) {
  using enum AmxInstruction;
  if (code.reg >= kTiles || (code.opcode != 0x5c && code.vvvv != 0)) return false;
  if (code.opcode == 0x49 && code.memory && code.reg == 0 && code.prefix < 2) {
    which = code.prefix == 0 ? ldtilecfg : sttilecfg;
  } else if (code.opcode == 0x49 && !code.memory && code.rm == 0 && (code.prefix == 3 || code.prefix + code.reg == 0)) {
    which = code.prefix == 3 ? tilezero : tilerelease;
  } else if (code.opcode == 0x4b && code.sib && code.prefix != 0) {
    which = code.prefix == 3 ? tileloadd : code.prefix == 1 ? tileloaddt1 : tilestored;
  } else if (code.opcode == 0x5c && !code.memory && code.prefix == 2) {
    which = tdpbf16ps;
  } else {
    return false;
  }
  return true;
}

Refusal load_config(const uint8_t* from) {
  Config next;
  std::memcpy(&next, from, sizeof next);
  if (next.palette > 1) return {"#GP: no such palette", next.palette};
  if (next.palette == 0) next = {};
  for (int i = 0; i < 14; ++i) {
    if (next.reserved[i]) return {"#GP: a reserved byte is not zero", 2 + i, next.reserved[i]};
  }
  for (int t = 0; t < 16; ++t) {
    const int rows = next.rows[t], colsb = next.colsb[t];
    if (t >= kTiles && (rows || colsb)) return {"#GP: a shape for a tile that is not there", t};
    if (colsb > kRowBytes) return {"#GP: too many bytes in a row of a tile", t, colsb};
    if (rows > kRows) return {"#GP: too many rows of a tile", t, rows};
    if ((rows == 0) != (colsb == 0)) return {"#GP: rows without bytes, or bytes without rows", rows, colsb};
  }
  configured_count += (next.palette != 0) - (machine.config.palette != 0);
  machine = {};
  machine.config = next;
  return {};
}

void release() {
  configured_count -= machine.config.palette != 0;
  machine = {};
}

Refusal usable(int tile) {
  if (machine.config.palette == 0) return {"#UD: no tiles are configured", tile};
  if (tile >= kTiles || machine.config.rows[tile] == 0) return {"#UD: the tile has no shape", tile};
  return {};
}

Refusal move_rows(int tile, uint8_t* memory, int64_t stride, bool load) {
  if (const Refusal refusal = usable(tile); refusal.why) return refusal;
  Config& config = machine.config;
  const int rows = config.rows[tile], colsb = config.colsb[tile];
  if (config.start_row >= rows) return {"#GP: starts behind the last row", config.start_row, rows};
  for (int row = config.start_row; row < rows; ++row) {
    uint8_t* held = machine.tiles[tile][row];
    if (load) {
      std::memset(held, 0, kRowBytes);
      std::memcpy(held, memory + row * stride, colsb);
    } else {
      std::memcpy(memory + row * stride, held, colsb);
    }
  }
  if (load) std::memset(machine.tiles[tile][rows], 0, static_cast<size_t>(kRows - rows) * kRowBytes);
  config.start_row = 0;
  return {};
}

// A row of sums: fused multiply-adds over the pairs of `left`, even and odd ones apart, rounded as MXCSR says.
[[gnu::target("avx512f"), gnu::noinline]] void multiply_row(int pairs, int columns, const uint8_t* left,
                                                            const uint8_t (*right)[kRowBytes], uint8_t* sums) {
  typedef uint32_t Pairs __attribute__((vector_size(kRowBytes)));
  __m512 even = _mm512_setzero_ps(), odd = even;
  for (int k = 0; k < pairs; ++k) {
    uint32_t pair;
    std::memcpy(&pair, left + 4 * k, sizeof pair);
    Pairs row;
    std::memcpy(&row, right[k], sizeof row);
    even = _mm512_fmadd_ps(reinterpret_cast<__m512>(Pairs{} + (pair << 16)), reinterpret_cast<__m512>(row << 16), even);
    pair &= 0xffff0000u, row &= 0xffff0000u;
    odd = _mm512_fmadd_ps(reinterpret_cast<__m512>(Pairs{} + pair), reinterpret_cast<__m512>(row), odd);
  }
  const __m512 sum = _mm512_add_ps(_mm512_loadu_ps(sums), _mm512_add_ps(even, odd));
  _mm512_storeu_ps(sums, _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << columns) - 1), sum));
}

Refusal multiply(int tsrcdest, int tsrc1, int tsrc2) {
  for (const int tile : {tsrcdest, tsrc1, tsrc2}) {
    if (const Refusal refusal = usable(tile); refusal.why) return refusal;
  }
  const uint16_t* colsb = machine.config.colsb;
  const uint8_t* rows = machine.config.rows;
  if (tsrcdest == tsrc1 || tsrcdest == tsrc2 || tsrc1 == tsrc2) return {"#UD: two of its tiles are one", tsrc1, tsrc2};
  if (colsb[tsrc1] % 4 || colsb[tsrc2] % 4) return {"#UD: half a pair at the end of a row", colsb[tsrc1], colsb[tsrc2]};
  if (rows[tsrcdest] != rows[tsrc1]) return {"#UD: rows of the sums are not tsrc1's", rows[tsrcdest], rows[tsrc1]};
  if (colsb[tsrcdest] != colsb[tsrc2]) return {"#UD: columns of the sums are not tsrc2's", colsb[tsrcdest], colsb[tsrc2]};
  if (colsb[tsrc1] != 4 * rows[tsrc2]) return {"#UD: pairs of tsrc1 are not rows of tsrc2", colsb[tsrc1] / 4, rows[tsrc2]};
  _mm_setcsr(0x9fc0);  // exceptions masked, FTZ, DAZ, to nearest; what it was comes back with the end of the handler
  auto& tiles = machine.tiles;
  for (int m = 0; m < rows[tsrcdest]; ++m) {
    multiply_row(colsb[tsrc1] / 4, colsb[tsrcdest] / 4, tiles[tsrc1][m], tiles[tsrc2], tiles[tsrcdest][m]);
  }
  machine.config.start_row = 0;
  return {};
}

Refusal execute(AmxInstruction which, const Code& code) {
  using enum AmxInstruction;
  switch (which) {
    case ldtilecfg: return load_config(code.address + code.stride);
    case sttilecfg: std::memcpy(code.address + code.stride, &machine.config, sizeof(Config)); return {};
    case tilerelease: release(); return {};
    case tilezero:
      if (const Refusal refusal = usable(code.reg); refusal.why) return refusal;
      std::memset(machine.tiles[code.reg], 0, sizeof machine.tiles[0]);
      machine.config.start_row = 0;
      return {};
    case tileloadd:
    case tileloaddt1: return move_rows(code.reg, code.address, code.stride, true);
    case tilestored: return move_rows(code.reg, code.address, code.stride, false);
    case tdpbf16ps: return multiply(code.reg, code.rm, code.vvvv);
  }
  return {};
}

void on_illegal_instruction(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  Code code;
  AmxInstruction which;
  if (!decode(registers, code) || !identify(code, which)) {
    sigaction(SIGILL, &previous, nullptr);  // it runs again, and ends as it would have
    return;
  }
  const Refusal refusal = execute(which, code);
  int none = 0;
  if (!refusal.why) {
    executed_count[static_cast<int>(which)].fetch_add(1, std::memory_order_relaxed);
  } else if (refused.compare_exchange_strong(none, 1)) {
    first_refusal = refusal, refused_instruction = which;
    refused = 2;
  }
  registers[REG_RIP] += code.length;
}

}  // namespace

std::string AmxTrap::missing() {
  if (tensor::has_isa(tensor::Isa::amx)) return "";
  if (!tensor::has_isa(tensor::Isa::avx512)) return "the code around AMX needs AVX-512, which this processor lacks";
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool tiles = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 24);
  return tiles ? "this processor has AMX, but the program may not use it" : "";
}

AmxTrap::AmxTrap() : installed_(!tensor::has_isa(tensor::Isa::amx)) {
  for (auto& count : executed_count) count = 0;
  release();
  configured_count = refused = 0;
  if (!installed_) return;
  struct sigaction action = {};
  action.sa_sigaction = on_illegal_instruction;
  action.sa_flags = SA_SIGINFO;
  tensor::check(sigaction(SIGILL, &action, &previous) == 0, "amx trap: SIGILL cannot be handled");
}
AmxTrap::~AmxTrap() {
  if (installed_) sigaction(SIGILL, &previous, nullptr);
}

int64_t AmxTrap::executed(AmxInstruction instruction) const { return executed_count[static_cast<int>(instruction)]; }

std::string AmxTrap::fault() const {
  if (refused != 2) return "";
  const auto& [why, first, second] = first_refusal;
  return tensor::join(kNames[static_cast<int>(refused_instruction)], ": ", why, " (", first, ", ", second, ")");
}

int AmxTrap::configured_threads() const { return configured_count; }

}  // namespace tests
