// The only place that starts threads for arithmetic. Under the thread sanitizer, which cannot see OpenMP's barriers, the same
// loop runs on std::thread, so that races in the loop bodies are still found.
#include "tensor/parallel.h"

#include <omp.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "tensor/error.h"

namespace tensor {

namespace {
int thread_count = 0;
thread_local bool inside_parallel = false;
}  // namespace

void set_threads(int count) {
  require(count >= 0, "threads: must be 0 (all processors) or more, got ", count);
  thread_count = count;
}

int threads() { return thread_count > 0 ? thread_count : omp_get_num_procs(); }

namespace detail {

namespace {
struct Team {
  int64_t chunks;
  void (*body)(void*, int64_t);
  void* context;
  std::atomic<int64_t> next{0};
  std::mutex mutex{};
  std::exception_ptr error{};

  void work() {
    const bool outer = inside_parallel;
    inside_parallel = true;
    for (int64_t chunk; (chunk = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) {
      try {
        body(context, chunk);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
    inside_parallel = outer;
  }
};
}  // namespace

void run_chunks(int64_t chunks, void (*body)(void*, int64_t), void* context) {
  const int team_size = static_cast<int>(std::min<int64_t>(threads(), chunks));
  if (team_size <= 1 || inside_parallel) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(context, chunk);
    return;
  }
  Team team{.chunks = chunks, .body = body, .context = context};
#ifdef __SANITIZE_THREAD__
  std::vector<std::thread> helpers;
  for (int t = 1; t < team_size; ++t) helpers.emplace_back([&team] { team.work(); });
  team.work();
  for (std::thread& helper : helpers) helper.join();
#else
#pragma omp parallel num_threads(team_size)
  team.work();
#endif
  if (team.error) std::rethrow_exception(team.error);
}

}  // namespace detail

}  // namespace tensor
