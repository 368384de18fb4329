// Blocks come from segments. A segment is one allocation of the system; its blocks form a list in address order, so that a
// freed block merges with free neighbours. Free blocks of all segments stand in one set ordered by size. On a GPU, where the host must
// be faster than the kernels, they wait before that for a request of their size, and merge when nothing else fits one.
#include "tensor/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tensor/divide.h"
#include "tensor/error.h"

namespace tensor {

namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kSegment = 2 << 20;  // one huge page: smaller requests share segments
#ifdef NDEBUG
constexpr bool kDebug = false;
#else
constexpr bool kDebug = true;
#endif
constexpr int64_t kGuard = kDebug ? 64 : 0;
constexpr unsigned char kGuardByte = 0xA5;

void* host_allocate(size_t bytes) {
  void* memory = std::aligned_alloc(kSegment, bytes);
  if (memory) madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void host_release(void* memory, size_t) { std::free(memory); }

int64_t memory_limit = 0;

}  // namespace

class MemoryCache {
 public:
  struct Block {
    std::byte* memory;
    int64_t size;
    bool free = true;  // and in the set
    Block* previous = nullptr;  // neighbours in the segment
    Block* next = nullptr;
  };

  MemoryCache(Device device, MemorySource source) : device_(device), source_(source) {}
  ~MemoryCache() { merge_waiting(), release_whole_segments(); }
  MemoryCache(const MemoryCache&) = delete;
  MemoryCache& operator=(const MemoryCache&) = delete;
  void set_source(MemorySource source) { source_ = source; }
  const MemorySource& source() const { return source_; }

  Block* take(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    const int64_t size = round_up(std::max<int64_t>(bytes, 1) + kGuard, kAlignment);
    Block* block = waiting_of(size);
    if (!block) block = best_fit(size);
    if (!block && merge_waiting()) block = best_fit(size);
    if (!block) block = grow(size);
    if (block->size - size >= kAlignment) split(block, size);
    block->free = false;
    statistics_.in_use += block->size;
    statistics_.cached -= block->size;
    statistics_.peak = std::max(statistics_.peak, statistics_.in_use);
    if (kDebug && device_ == Device::cpu) std::memset(block->memory + block->size - kGuard, kGuardByte, kGuard);
    return block;
  }

  void give_back(Block* block) {
    if (kDebug && device_ == Device::cpu) check_and_poison(block);
    if (source_.poison) source_.poison(block->memory, static_cast<size_t>(block->size));
    const std::lock_guard lock(mutex_);
    statistics_.in_use -= block->size;
    statistics_.cached += block->size;
    if (device_ == Device::cuda) waiting_[block->size].push_back(block);
    else merge_with_neighbours(block);
  }

  void release_cached() {
    const std::lock_guard lock(mutex_);
    merge_waiting();
    release_whole_segments();
  }

  MemoryStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

 private:
  // ", the largest: 4096, 128" for an error message; "" when nothing is in use.
  std::string largest_taken() const {
    std::vector<int64_t> sizes;
    for (const Block* block : segments_) {
      for (; block; block = block->next) {
        if (!block->free) sizes.push_back(block->size);
      }
    }
    std::sort(sizes.rbegin(), sizes.rend());
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(sizes.size(), 5); ++i) {
      text += (i == 0 ? ", the largest: " : ", ") + std::to_string(sizes[i]);
    }
    return text;
  }

  Block* waiting_of(int64_t size) {
    const auto found = waiting_.find(size);
    if (found == waiting_.end() || found->second.empty()) return nullptr;
    Block* block = found->second.back();
    found->second.pop_back();
    return block;
  }

  bool merge_waiting() {  // whether there was a block
    bool any = false;
    for (const auto& [size, blocks] : waiting_) {
      for (Block* block : blocks) {
        any = true;
        merge_with_neighbours(block);
      }
    }
    waiting_.clear();
    return any;
  }

  void merge_with_neighbours(Block* block) {
    block->free = true;
    if (block->next && block->next->free) free_.erase(block->next), merge(block);
    if (block->previous && block->previous->free) block = block->previous, free_.erase(block), merge(block);
    free_.insert(block);
  }

  Block* best_fit(int64_t size) {
    Block wanted{nullptr, size};
    const auto found = free_.lower_bound(&wanted);
    if (found == free_.end()) return nullptr;
    Block* block = *found;
    free_.erase(found);
    return block;
  }

  Block* grow(int64_t size) {
    const int64_t segment = round_up(size, kSegment);
    const auto over_limit = [&] {
      return memory_limit > 0 && statistics_.in_use + statistics_.cached + segment > memory_limit;
    };
    if (over_limit()) release_whole_segments();
    void* memory = over_limit() ? nullptr : source_.allocate(static_cast<size_t>(segment));
    if (!memory && !over_limit()) {
      release_whole_segments();
      memory = source_.allocate(static_cast<size_t>(segment));
    }
    require(Fault::resources, memory != nullptr, "memory: requested ", segment, " bytes on ", device_, ", ", statistics_.in_use,
            " in use, ", statistics_.cached, " cached", memory_limit > 0 ? join(", limit ", memory_limit) : std::string(),
            largest_taken(), "; use a smaller batch", memory_limit > 0 ? " or a higher --memory-limit" : "");
    ++statistics_.system_allocations;
    statistics_.cached += segment;
    Block* block = new Block{static_cast<std::byte*>(memory), segment};
    segments_.insert(block);
    return block;
  }

  void split(Block* block, int64_t size) {
    Block* rest = new Block{block->memory + size, block->size - size, true, block, block->next};
    if (rest->next) rest->next->previous = rest;
    block->next = rest;
    block->size = size;
    free_.insert(rest);
  }

  void merge(Block* block) {  // with the free block after it
    Block* next = block->next;
    block->size += next->size;
    block->next = next->next;
    if (block->next) block->next->previous = block;
    delete next;
  }

  void release_whole_segments() {
    for (auto i = free_.begin(); i != free_.end();) {
      Block* block = *i;
      if (block->previous || block->next) {
        ++i;
        continue;
      }
      source_.release(block->memory, static_cast<size_t>(block->size));
      statistics_.cached -= block->size;
      i = free_.erase(i);
      segments_.erase(block);
      delete block;
    }
  }

  static void check_and_poison(Block* block) {
    const std::byte* guard = block->memory + block->size - kGuard;
    for (int64_t i = 0; i < kGuard; ++i) {
      if (guard[i] != std::byte{kGuardByte}) {
        std::fprintf(stderr, "memory: something wrote past the end of a block of %lld bytes\n", static_cast<long long>(block->size));
        std::abort();  // a destructor cannot throw, and going on would hide the culprit; debug builds only
      }
    }
    std::memset(block->memory, 0xFF, block->size - kGuard);  // every float and double becomes NaN
  }

  struct BySize {
    bool operator()(const Block* a, const Block* b) const { return a->size != b->size ? a->size < b->size : a->memory < b->memory; }
  };

  Device device_;
  MemorySource source_;
  std::mutex mutex_;
  std::set<Block*, BySize> free_;
  std::unordered_map<int64_t, std::vector<Block*>> waiting_;  // by size
  std::unordered_set<Block*> segments_;  // the first block of each
  MemoryStatistics statistics_;
};

namespace {

using CachePointer = std::shared_ptr<MemoryCache>;
using Block = MemoryCache::Block;

void* no_memory(size_t) { return nullptr; }

const CachePointer& cache_of(Device device) {
  // Never destroyed: tensors with static storage may outlive any order of destruction.
  static CachePointer& host = *new CachePointer(new MemoryCache(Device::cpu, {host_allocate, host_release}));
  static CachePointer& cuda = *new CachePointer(new MemoryCache(Device::cuda, {no_memory, host_release}));
  return device == Device::cpu ? host : cuda;
}

CachePointer& pool_in_use() {
  static CachePointer& pool = *new CachePointer;
  return pool;
}

// A pool's segments are blocks of the common cache.
std::unordered_map<void*, Block*>& lent() {
  static auto& blocks = *new std::unordered_map<void*, Block*>;
  return blocks;
}
void* lend(size_t bytes) {
  Block* block = cache_of(Device::cuda)->take(static_cast<int64_t>(bytes));
  lent()[block->memory] = block;
  return block->memory;
}
void take_back(void* memory, size_t) { cache_of(Device::cuda)->give_back(lent().extract(memory).mapped()); }

}  // namespace

std::shared_ptr<std::byte> allocate(int64_t bytes, Device device) {
  check(bytes >= 0, "allocation of ", bytes, " bytes");
  const CachePointer& cache = device == Device::cuda && pool_in_use() ? pool_in_use() : cache_of(device);
  Block* block = cache->take(bytes);
  return std::shared_ptr<std::byte>(block->memory, [cache, block](std::byte*) { cache->give_back(block); });
}

MemoryPool::MemoryPool()
    : cache_(new MemoryCache(Device::cuda, {lend, take_back, cache_of(Device::cuda)->source().poison})) {}
MemoryPool::Use::Use(const MemoryPool& pool) { pool_in_use() = pool.cache_; }
MemoryPool::Use::~Use() { pool_in_use() = nullptr; }

MemoryStatistics memory_statistics(Device device) { return cache_of(device)->statistics(); }
void release_cached_memory(Device device) { cache_of(device)->release_cached(); }
void set_memory_limit(int64_t bytes) { memory_limit = bytes; }
void set_memory_source(Device device, MemorySource source) { cache_of(device)->set_source(source); }

}  // namespace tensor
