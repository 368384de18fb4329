// The caching allocator: reuse of freed memory, splitting and merging, limits and what an error says; pools.
#include "tensor/allocator.h"

#include "tensor/tensor.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using tensor::allocate;
using tensor::Device;
using tensor::memory_statistics;

TEST_CASE("freed memory is used again", "[tensor][memory]") {
  allocate(1 << 20, Device::cpu);
  const auto before = memory_statistics(Device::cpu);
  for (int i = 0; i < 100; ++i) {
    const auto a = allocate(1 << 19, Device::cpu), b = allocate(1000 + i, Device::cpu);
    CHECK(reinterpret_cast<uintptr_t>(a.get()) % 64 == 0);
    CHECK(memory_statistics(Device::cpu).in_use >= before.in_use + (1 << 19) + 1000);
  }
  const auto after = memory_statistics(Device::cpu);
  CHECK(after.in_use == before.in_use);
  CHECK(after.system_allocations == before.system_allocations);
}

TEST_CASE("two live blocks never overlap", "[tensor][memory]") {
  std::vector<std::shared_ptr<std::byte>> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(allocate(64 + 37 * i, Device::cpu));
    std::fill_n(blocks.back().get(), 64 + 37 * i, std::byte(i));
    if (i % 3 == 2) blocks[i - 1].reset();  // holes, for others to be put into
  }
  for (int i = 0; i < 200; ++i) {
    if (!blocks[i]) continue;
    CHECK(std::all_of(blocks[i].get(), blocks[i].get() + 64 + 37 * i, [&](std::byte x) { return x == std::byte(i); }));
  }
}

TEST_CASE("beyond the limit an error says what is in use, and memory stays usable", "[tensor][memory]") {
  const auto large = allocate(100 << 20, Device::cpu);
  tensor::set_memory_limit(memory_statistics(Device::cpu).in_use + (8 << 20));
  const std::string error = tests::error_of([] { allocate(1 << 30, Device::cpu); });
  tensor::set_memory_limit(0);
  CHECK_THAT(error, tests::Contains("memory: requested 107") && tests::Contains("bytes on cpu"));
  CHECK_THAT(error, tests::Contains(", the largest: 1048576"));  // 100 MiB, and the guard of debug builds
  CHECK_THAT(error, tests::Contains("; use a smaller batch or a higher --memory-limit"));
  CHECK(allocate(1 << 20, Device::cpu));
}

TEST_CASE("a pool keeps its memory to itself, merges what was freed and gives all of it back", "[tensor][memory][cuda]") {
  if (!tests::have_device()) return;
  constexpr int64_t kPart = 512 << 10, kSegment = 4 * kPart;
  const int64_t before = memory_statistics(Device::cuda).in_use;
  std::shared_ptr<std::byte> kept;
  {
    const tensor::MemoryPool pool;
    std::byte* first = nullptr;
    {
      const tensor::MemoryPool::Use use(pool);
      std::vector<std::shared_ptr<std::byte>> parts;
      for (int i = 0; i < 4; ++i) parts.push_back(allocate(kPart, Device::cuda));
      first = parts[0].get();
    }
    CHECK(memory_statistics(Device::cuda).in_use == before + kSegment);  // although all parts are free
    CHECK(allocate(kPart, Device::cuda).get() != first);
    const tensor::MemoryPool::Use use(pool);
    CHECK(allocate(kPart, Device::cuda).get() >= first);
    CHECK(allocate(kSegment, Device::cuda).get() == first);  // the parts in one
    kept = allocate(kPart, Device::cuda);
    CHECK(memory_statistics(Device::cuda).in_use == before + kSegment);
  }
  CHECK(memory_statistics(Device::cuda).in_use == before + kSegment);  // its last block lives
  kept = nullptr;
  CHECK(memory_statistics(Device::cuda).in_use == before);
}
