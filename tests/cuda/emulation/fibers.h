// Runs CUDA kernels on the CPU: every thread of a block is a fiber with a stack of its own, so that barriers and shuffles
// have their real meaning. Wrong use (a thread missing at a barrier, too much shared memory, a host pointer) is an Error.
#pragma once

#include <vector_types.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

namespace emulation {

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

// In which order blocks run and threads of a block begin: a kernel whose result depends on it is wrong.
enum class Order { forward, reversed, shuffled };
void set_order(Order order);  // at first what the variable GENREC_EMULATION_ORDER says, else forward

// Runs body() for every thread of the grid; device memory is accessible meanwhile.
void run(const char* name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& body);

void block_barrier();
void warp_barrier(unsigned mask);
int lane();
unsigned char* shared_memory();
uint64_t exchange(unsigned mask, uint64_t value, int from_lane);

template <class T>
T shuffle(unsigned mask, T value, int from_lane) {
  static_assert(sizeof(T) <= 8);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(mask, bits, from_lane & 31);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

void check_shared_memory(const char* name, const void* kernel, size_t bytes);  // that it was allowed that much
void check_pointer(const char* kernel, const void* pointer);  // null or device memory
template <class T>
void check_argument(const char* kernel, const T& argument) {
  if constexpr (std::is_pointer_v<T>) check_pointer(kernel, argument);
}

// Device memory: not accessible to the host but while an object of this type lives.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
};

}  // namespace emulation
