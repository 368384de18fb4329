// Emulation: stands in for tensor/cuda/launch.h where the .cu files are compiled as plain C++. The threads of a block are
// fibers (fibers.h); blocks run one after the other. Pointers among the arguments must point to device memory.
#pragma once

#include <cmath>
#include <cstring>
#include <utility>

#include "tensor/cuda/runtime.h"
#include "tests/cuda/emulation/fibers.h"
#include "tests/cuda/emulation/streams.h"

using emulation::blockDim;
using emulation::blockIdx;
using emulation::gridDim;
using emulation::threadIdx;

inline void __syncthreads() { emulation::block_barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulation::warp_barrier(mask); }
template <class T>
T __shfl_sync(unsigned mask, T value, int lane) { return emulation::shuffle(mask, value, lane); }
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits) { return emulation::shuffle(mask, value, emulation::lane() ^ bits); }
inline unsigned __ballot_sync(unsigned mask, bool predicate) {
  unsigned result = 0;
  for (int lane = 0; lane < 32; ++lane) result |= unsigned{emulation::shuffle(mask, predicate, lane)} << lane;
  return result;
}
inline void __threadfence() {}
inline unsigned atomicAdd(unsigned* at, unsigned value) { return std::exchange(*at, *at + value); }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }

namespace tensor::cuda {

template <class... Parameters, class... Arguments>
void launch(const char* name, dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  const auto* function = reinterpret_cast<const void*>(kernel);
  allow_shared_memory(name, function, shared_bytes);
  count_launches(1);
  (emulation::check_argument(name, static_cast<Parameters>(arguments)), ...);
  emulation::submit_kernel([=] {  // the arguments are copied, as a launch copies them
    emulation::check_shared_memory(name, function, shared_bytes);
    emulation::run(name, grid, block, shared_bytes, [&] { kernel(static_cast<Parameters>(arguments)...); });
  });
}

template <class T>
T* shared_memory() {
  return reinterpret_cast<T*>(emulation::shared_memory());
}

}  // namespace tensor::cuda
