// Emulation of the CUDA runtime functions that the program calls, with the vendor's signatures: the device and its memory;
// streams and graphs are in streams.cpp. Device memory is a range of its own that the host cannot touch between launches and
// copies; fresh and freed memory holds NaN.
#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "tensor/allocator.h"
#include "tensor/cuda/runtime.h"
#include "tensor/error.h"
#include "tests/cuda/emulation/fibers.h"
#include "tests/cuda/emulation/streams.h"

namespace emulation {

namespace {

constexpr size_t kArena = size_t{16} << 30;  // reserved addresses, not memory

struct Arena {
  std::byte* base;
  size_t used = 0;  // ever handed out, from the base on
  int access = 0;

  Arena()
      : base(static_cast<std::byte*>(mmap(nullptr, kArena, host_only() ? PROT_READ | PROT_WRITE : PROT_NONE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    madvise(base, kArena, MADV_HUGEPAGE);  // changing the protection of few large pages is fast
  }
  void protect(int protection) {
    if (!host_only()) mprotect(base, used, protection);
  }
};

Arena& arena() {
  static Arena& a = *new Arena;
  return a;
}

void poison(void* memory, size_t bytes) {
  if (host_only()) return;
  const DeviceAccess access;
  std::memset(memory, 0xFF, bytes);
}

// A freed block may still be read by what the stream has waiting.
void poison_in_order(void* memory, size_t bytes) {
  submit(tensor::cuda::stream(), Kind::poison, [=] { poison(memory, bytes); });
}

size_t hash_of(const void* memory, int64_t bytes) {
  return std::hash<std::string_view>{}({static_cast<const char*>(memory), static_cast<size_t>(bytes)});
}
std::unordered_map<const void*, size_t>& hashes() {  // of what was copied to the device, by where it stands there
  static auto& all = *new std::unordered_map<const void*, size_t>;
  return all;
}
void remember(const void* host, const void* device, int64_t bytes) { hashes()[device] = hash_of(host, bytes); }
void verify(const void* host, const void* device, int64_t bytes) {
  tensor::require(tensor::Fault::bug, hashes().at(device) == hash_of(host, bytes),
                  "emulation: an index tensor was changed after an operation had seen it");
}

std::unordered_map<const void*, int>& shared_limits() {  // bytes, of the kernels that were allowed more than others
  static auto& all = *new std::unordered_map<const void*, int>;
  return all;
}

}  // namespace

static const bool hooked = host_only() || (tensor::cuda::test_hooks = {remember, verify, poison_in_order}, true);

DeviceAccess::DeviceAccess() {
  if (arena().access++ == 0) arena().protect(PROT_READ | PROT_WRITE);
}
DeviceAccess::~DeviceAccess() {
  if (--arena().access == 0) arena().protect(PROT_NONE);
}

void check_pointer(const char* kernel, const void* pointer) {
  const auto* p = static_cast<const std::byte*>(pointer);
  tensor::require(tensor::Fault::bug, !p || (p >= arena().base && p < arena().base + arena().used), "emulation of ", kernel,
                  ": an argument points to host memory");
}

void check_shared_memory(const char* name, const void* kernel, size_t bytes) {
  const auto found = shared_limits().find(kernel);
  const size_t most = found == shared_limits().end() ? 48 << 10 : static_cast<size_t>(found->second);
  tensor::require(tensor::Fault::bug, bytes <= most, "emulation of ", name, ": ", bytes, " bytes of shared memory, ", most,
                  " are allowed");
}

}  // namespace emulation

using emulation::arena;

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = std::getenv("GENREC_EMULATION_NO_DEVICE") ? 0 : 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* device, int) {
  *device = {};
  std::strcpy(device->name, "emulated device");
  device->major = 9;
  device->totalGlobalMem = emulation::kArena;
  device->sharedMemPerBlockOptin = 227 << 10;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  return emulation::shared_limits()[kernel] = value, cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : "emulated error"; }

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  constexpr size_t kPage = 2 << 20;
  emulation::Arena& a = arena();
  if (a.used + bytes > emulation::kArena) return cudaErrorMemoryAllocation;
  *memory = a.base + a.used;
  a.used += (bytes + kPage - 1) / kPage * kPage;
  emulation::poison(*memory, bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void*) { return cudaSuccess; }  // an address is never used again
cudaError_t cudaMallocHost(void** memory, size_t bytes) { return *memory = std::malloc(bytes), cudaSuccess; }
cudaError_t cudaFreeHost(void* memory) { return std::free(memory), cudaSuccess; }

}  // extern "C"
