// Chooses the instruction set by the processor's feature bits (and the operating system's support), never by its model.
#include "tensor/simd/simd.h"

#include <array>
#include <atomic>

#include "tensor/error.h"

#if defined(__x86_64__)
#define GENREC_X86_64 1
#else
#define GENREC_X86_64 0
#endif

namespace tensor {

namespace kernels {
namespace generic {
void fill(Simd<float>& table);
void fill(Simd<double>& table);
}  // namespace generic
namespace avx2 {
void fill(Simd<float>& table);
void fill(Simd<double>& table);
}  // namespace avx2
namespace avx512 {
void fill(Simd<float>& table);
void fill(Simd<double>& table);
}  // namespace avx512
}  // namespace kernels

namespace {

constexpr Isa kSets[] = {Isa::generic, Isa::avx2, Isa::avx512};

Isa best() {
  if (has_isa(Isa::avx512)) return Isa::avx512;
  return has_isa(Isa::avx2) ? Isa::avx2 : Isa::generic;
}

template <class T>
using Tables = std::array<Simd<T>, 3>;

template <class T>
const Tables<T>& tables() {
  static const Tables<T> all = [] {
    Tables<T> t{};
    kernels::generic::fill(t[0]);
#if GENREC_X86_64
    kernels::avx2::fill(t[1]);
    kernels::avx512::fill(t[2]);
#endif
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
  }
  return "";
}

bool has_isa(Isa isa) {
#if GENREC_X86_64
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (isa == Isa::avx2) return avx2;
  if (isa == Isa::avx512) {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
#endif
  return isa == Isa::generic;
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
  fail(Fault::usage, "isa: unknown instruction set '", name, "'; use auto, generic, avx2 or avx512");
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

}  // namespace tensor
