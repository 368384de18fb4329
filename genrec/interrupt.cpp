#include "genrec/interrupt.h"

#include <atomic>
#include <csignal>

#include "tensor/error.h"

namespace genrec {

namespace {
std::atomic<int> pending{0};
static_assert(std::atomic<int>::is_always_lock_free);
}  // namespace

bool interrupted() { return pending.load(std::memory_order_relaxed) != 0; }

void request_interrupt(int signal) noexcept { pending.store(signal, std::memory_order_relaxed); }

void clear_interrupt() { pending.store(0, std::memory_order_relaxed); }

void raise_interrupted(const std::string& what, const std::string& advice) {
  const int signal = pending.load(std::memory_order_relaxed);
  const char* name = signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "a request";
  tensor::fail(tensor::Fault::interrupted, what, ": stopped by ", name, "; ", advice);
}

}  // namespace genrec
