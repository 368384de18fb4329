// Fibers begin with makecontext and go on with _setjmp and _longjmp, which save no signal mask: a switch costs some 20 ns.
#include "tests/cuda/emulation/fibers.h"

#include <csetjmp>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tensor/random.h"

namespace emulation {

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

constexpr size_t kStack = 64 << 10;
constexpr int kMostThreads = 1024;
constexpr size_t kMostShared = 227 << 10, kGuard = 256;

enum class Status { fresh, ready, at_block_barrier, at_warp_barrier, done };

struct Fiber {
  std::unique_ptr<char[]> stack{new char[kStack]};
  ucontext_t start;
  jmp_buf state;
  Status status = Status::done;
  bool idle = false;   // waits in fiber_main for the next thread
  uint64_t slot = 0;   // what it gives to a shuffle
};

struct Warp {  // bits of its lanes
  unsigned mask = 0;     // who must come to the barrier where some wait
  unsigned arrived = 0;  // who has come
  unsigned ended = 0;
};

struct Machine {
  std::vector<Fiber> fibers{kMostThreads};
  Warp warps[kMostThreads / 32];
  ucontext_t origin;
  jmp_buf scheduler;
  int current = 0, threads = 0, done = 0, waiting = 0;
  bool running = false;
  const std::function<void()>* body = nullptr;
  const char* kernel = "";
  std::exception_ptr failure;
  alignas(64) unsigned char shared[kMostShared + kGuard];
  Order order = Order::forward;

  Machine() {
    const char* given = std::getenv("GENREC_EMULATION_ORDER");
    const std::string text = given ? given : "forward";
    order = text == "reversed" ? Order::reversed : text == "shuffled" ? Order::shuffled : Order::forward;
  }
};

Machine& machine() {
  static Machine& m = *new Machine;
  return m;
}

void place(int thread) {
  Machine& m = machine();
  m.current = thread;
  const unsigned t = static_cast<unsigned>(thread);
  threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}

// Back to the scheduler until it resumes this fiber.
void yield() {
  Machine& m = machine();
  Fiber& fiber = m.fibers[m.current];
  const int self = m.current;
  if (_setjmp(fiber.state) == 0) _longjmp(m.scheduler, 1);
  place(self);
}

// One thread after the other: to begin with makecontext each time would cost system calls.
void fiber_main() {
  Machine& m = machine();
  Fiber& fiber = m.fibers[m.current];
  for (;;) {
    fiber.idle = false;
    try {
      (*m.body)();
    } catch (...) {
      m.failure = std::current_exception();
    }
    fiber.status = Status::done;
    ++m.done;
    m.warps[m.current / 32].ended |= 1u << (m.current % 32);
    fiber.idle = true;
    yield();
  }
}

void resume(int thread) {
  Machine& m = machine();
  Fiber& fiber = m.fibers[thread];
  const bool begins = fiber.status == Status::fresh && !fiber.idle;
  fiber.status = Status::ready;
  place(thread);
  if (_setjmp(m.scheduler) != 0) return;
  if (!begins) _longjmp(fiber.state, 1);
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.get();
  fiber.start.uc_stack.ss_size = kStack;
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, fiber_main, 0);
  setcontext(&fiber.start);
}

std::vector<int64_t> order_of(int64_t n, uint64_t salt) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Machine& m = machine();
  if (m.order == Order::reversed) std::reverse(order.begin(), order.end());
  if (m.order == Order::shuffled) tensor::Generator(7, "emulation", salt).shuffle(std::span(order));
  return order;
}

[[noreturn]] void fail_with(const std::string& what) {
  tensor::fail(tensor::Fault::bug, "emulation of ", machine().kernel, ", block (", blockIdx.x, ",", blockIdx.y, ",",
               blockIdx.z, "): ", what);
}

void run_block(const std::vector<int64_t>& order, size_t shared_bytes) {
  Machine& m = machine();
  std::memset(m.shared, 0xFF, shared_bytes);
  std::memset(m.shared + shared_bytes, 0xA5, kGuard);
  m.done = m.waiting = 0;
  std::fill(std::begin(m.warps), std::end(m.warps), Warp{});
  for (int t = 0; t < m.threads; ++t) m.fibers[t].status = Status::fresh;
  while (m.done < m.threads && !m.failure) {
    bool moved = false;
    for (const int64_t t : order) {
      const Status status = m.fibers[t].status;
      if (status != Status::fresh && status != Status::ready) continue;
      moved = true;
      resume(static_cast<int>(t));
      if (m.failure) break;
    }
    if (!moved) {
      fail_with(
          tensor::join(m.done, " of ", m.threads, " threads have ended, the others wait at a barrier that not all reach"));
    }
  }
  if (m.failure) std::rethrow_exception(std::exchange(m.failure, nullptr));
  for (size_t i = 0; i < kGuard; ++i) {
    if (m.shared[shared_bytes + i] != 0xA5)
      fail_with(tensor::join("wrote past its ", shared_bytes, " bytes of shared memory"));
  }
}

}  // namespace

void set_order(Order order) { machine().order = order; }
unsigned char* shared_memory() { return machine().shared; }
int lane() { return machine().current % 32; }

void run(const char* name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& body) {
  Machine& m = machine();
  const int64_t threads = int64_t{block.x} * block.y * block.z, blocks = int64_t{grid.x} * grid.y * grid.z;
  tensor::require(tensor::Fault::bug,
                  threads > 0 && threads <= kMostThreads && threads % 32 == 0 && shared_bytes <= kMostShared &&
                      grid.x < 0x80000000u && grid.y < 65536 && grid.z < 65536,
                  "emulation of ", name, ": a grid of ", grid.x, "x", grid.y, "x", grid.z, " blocks of ", threads,
                  " threads with ", shared_bytes, " bytes of shared memory cannot be launched");
  m.kernel = name, m.body = &body, m.threads = static_cast<int>(threads);
  blockDim = block, gridDim = grid;
  const DeviceAccess access;
  const std::vector<int64_t> thread_order = order_of(threads, 1);
  for (const int64_t b : order_of(blocks, 2)) {
    const auto i = static_cast<unsigned>(b);
    blockIdx = {i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y};
    run_block(thread_order, shared_bytes);
  }
}

void block_barrier() {
  Machine& m = machine();
  if (m.done > 0) fail_with("a thread waits at __syncthreads, others have ended");
  if (++m.waiting < m.threads) {
    m.fibers[m.current].status = Status::at_block_barrier;
    return yield();
  }
  m.waiting = 0;
  for (int t = 0; t < m.threads; ++t) {
    if (m.fibers[t].status == Status::at_block_barrier) m.fibers[t].status = Status::ready;
  }
}

void warp_barrier(unsigned mask) {
  Machine& m = machine();
  Warp& warp = m.warps[m.current / 32];
  const unsigned self = 1u << (m.current % 32);
  if (!(mask & self)) fail_with("a thread is not in the mask of its warp's barrier");
  if (warp.ended & mask) fail_with("a thread waits for its warp, of which other threads have ended");
  if (warp.arrived == 0) warp.mask = mask;
  if (warp.mask != mask) fail_with("threads of one warp wait at barriers with different masks");
  warp.arrived |= self;
  if (warp.arrived != mask) {
    m.fibers[m.current].status = Status::at_warp_barrier;
    return yield();
  }
  warp.arrived = 0;
  const int first = m.current / 32 * 32;
  for (int l = 0; l < 32; ++l) {
    if (mask >> l & 1) m.fibers[first + l].status = Status::ready;
  }
}

uint64_t exchange(unsigned mask, uint64_t value, int from_lane) {
  Machine& m = machine();
  const int first = m.current / 32 * 32;
  if (!(mask >> from_lane & 1)) fail_with("a shuffle reads from a thread that is not in its mask");
  m.fibers[m.current].slot = value;
  warp_barrier(mask);
  const uint64_t result = m.fibers[first + from_lane].slot;
  warp_barrier(mask);  // before the slot is used again
  return result;
}

}  // namespace emulation
