// Chooses the instruction set by the processor's feature bits (and the operating system's support), never by its model.
#include "tensor/simd/simd.h"

#include <array>
#include <atomic>
#include <iterator>

#include "tensor/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#define GENREC_X86_64 1
#else
#define GENREC_X86_64 0
#endif

namespace tensor {

namespace kernels {
namespace generic {
void fill(Simd<float>& table);
void fill(Simd<double>& table);
TileKernels tiles();  // in plain C++
}  // namespace generic
namespace avx2 {
void fill(Simd<float>& table);
void fill(Simd<double>& table);
}  // namespace avx2
namespace avx512 {
void fill(Simd<float>& table);
void fill(Simd<double>& table);
}  // namespace avx512
namespace amx {
TileKernels tiles();
}  // namespace amx
}  // namespace kernels

namespace {

constexpr Isa kSets[] = {Isa::generic, Isa::avx2, Isa::avx512, Isa::amx, Isa::tiles};

#if GENREC_X86_64
// The feature bits, and the leave of the operating system, which has to keep 8 KB more for each thread.
bool ask_for_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kAmxBf16) || !(d & kAmxTile)) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

Isa best() {
  if (has_isa(Isa::amx)) return Isa::amx;
  if (has_isa(Isa::avx512)) return Isa::avx512;
  return has_isa(Isa::avx2) ? Isa::avx2 : Isa::generic;
}

template <class T>
using Tables = std::array<Simd<T>, std::size(kSets)>;

template <class T>
const Tables<T>& tables() {
  static const Tables<T> all = [] {
    Tables<T> t{};
    kernels::generic::fill(t[0]);
#if GENREC_X86_64
    if (has_isa(Isa::avx2)) kernels::avx2::fill(t[1]);  // filling, too, is code of the set
    if (has_isa(Isa::avx512)) kernels::avx512::fill(t[2]);
    t[3] = t[2];
#endif
    t[4] = t[0];
    return t;
  }();
  return all;
}

std::atomic<int>& chosen() {
  static std::atomic<int> set{static_cast<int>(best())};
  return set;
}

}  // namespace

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::generic: return "generic";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::amx: return "amx";
    case Isa::tiles: return "tiles";
  }
  return "";
}

bool has_isa(Isa isa) {
#if GENREC_X86_64
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (isa == Isa::avx2) return avx2;
  static const bool amx = ask_for_amx();
  if (isa == Isa::avx512 || isa == Isa::amx) {
    return (isa == Isa::avx512 || amx) && avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
#endif
  return isa == Isa::generic || isa == Isa::tiles;
}

Isa isa() { return static_cast<Isa>(chosen().load(std::memory_order_relaxed)); }

void set_isa(std::string_view name) {
  if (name == "auto") {
    chosen() = static_cast<int>(best());
    return;
  }
  for (Isa set : kSets) {
    if (name != name_of(set)) continue;
    require(Fault::resources, has_isa(set), "isa: this processor has no ", name, "; use auto or ", name_of(best()));
    chosen() = static_cast<int>(set);
    return;
  }
  fail(Fault::usage, "isa: unknown instruction set '", name, "'; use auto, generic, avx2, avx512 or amx");
}

void assume_amx() {
  check(has_isa(Isa::avx512), "isa: amx needs avx512");
  chosen() = static_cast<int>(Isa::amx);
}

template <class T>
const Simd<T>& simd_of(Isa isa) {
  check(has_isa(isa), "simd: this processor has no ", name_of(isa));
  return tables<T>()[static_cast<size_t>(isa)];
}
template const Simd<float>& simd_of(Isa);
template const Simd<double>& simd_of(Isa);

template <class T>
const Simd<T>& simd() {
  return tables<T>()[static_cast<size_t>(isa())];
}
template const Simd<float>& simd();
template const Simd<double>& simd();

const TileKernels* tiles() {
#if GENREC_X86_64
  if (isa() == Isa::amx) {
    static const TileKernels amx = kernels::amx::tiles();
    return &amx;
  }
#endif
  static const TileKernels plain = kernels::generic::tiles();
  return isa() == Isa::tiles ? &plain : nullptr;
}

}  // namespace tensor
