// The one place where kernels are launched, and where they get dynamic shared memory. A kernel uses no other shared memory.
// The header of this name under tests/cuda/emulation runs the same kernels on the CPU, see docs/cuda.md.
#pragma once

#include "tensor/cuda/runtime.h"

namespace tensor::cuda {

// Starts kernel(arguments...) on the stream; no block, nothing to do. `name` is for messages. Blocks hold a multiple of 32
// threads.
template <class... Parameters, class... Arguments>
void launch(const char* name, dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  allow_shared_memory(name, reinterpret_cast<const void*>(kernel), shared_bytes);
  count_launches(1);
  kernel<<<grid, block, shared_bytes, stream()>>>(static_cast<Parameters>(arguments)...);
  check(cudaGetLastError(), name);
}

// The dynamic shared memory of the block, aligned to 16 bytes.
template <class T>
__device__ T* shared_memory() {
  extern __shared__ __align__(16) unsigned char memory[];
  return reinterpret_cast<T*>(memory);
}

}  // namespace tensor::cuda
