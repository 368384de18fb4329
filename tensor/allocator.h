// The caching allocator: one per device, one policy. Sizes are rounded, the best fitting free block is taken, large blocks are
// split and merged again, and cached memory is returned before an allocation may fail. Nothing here knows of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/device.h"

namespace tensor {

struct MemoryStatistics {
  int64_t in_use = 0;              // bytes handed out
  int64_t peak = 0;                // largest in_use so far
  int64_t cached = 0;              // bytes held for reuse
  int64_t system_allocations = 0;  // calls to the system's or the driver's allocator; constant in the steady state
};

// Uninitialised memory, aligned to 64 bytes; returned to the cache when the last copy of the pointer goes.
// Debug builds fill it with NaN when it is freed and guard its end.
std::shared_ptr<std::byte> allocate(int64_t bytes, Device device);

// Memory of its own for work that is done again at the same addresses (tensor/cuda/replays.h): while it is used, what is allocated
// on the GPU is its memory, and what is given back of it serves it alone. For the common cache all of it is in use, until the pool
// and its last block are gone. Of one thread.
class MemoryPool {
 public:
  MemoryPool();
  class Use {
   public:
    explicit Use(const MemoryPool& pool);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
  };

 private:
  std::shared_ptr<class MemoryCache> cache_;
};

MemoryStatistics memory_statistics(Device device);
void release_cached_memory(Device device);
void set_memory_limit(int64_t bytes);  // lowers what may be in use and cached on either device; 0: no limit

// How a device gets raw memory. The CUDA translation unit installs its own.
struct MemorySource {
  void* (*allocate)(size_t bytes);  // nullptr when there is none left
  void (*release)(void* memory, size_t bytes);
  void (*poison)(void* memory, size_t bytes) = nullptr;  // fills freed blocks with NaN, where a test wants that
};
void set_memory_source(Device device, MemorySource source);

}  // namespace tensor
