// Loops over several threads. Work is split by size, never by the number of threads, and partial results are combined in
// order: every result is the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tensor/divide.h"

namespace tensor {

void set_threads(int count);  // 0: one per available processor
int threads();

namespace detail {
// Runs body(context, chunk) for each chunk in [0, chunks). The first exception is passed on. Nested calls run serially.
void run_chunks(int64_t chunks, void (*body)(void* context, int64_t chunk), void* context);
}  // namespace detail

// Calls f(begin, end) over [0, n) in pieces of `grain`.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  if (n <= grain) return f(int64_t{0}, n);
  struct Context {
    int64_t n, grain;
    std::remove_reference_t<F>& f;
  } context{n, grain, f};
  detail::run_chunks(
      ceil_div(n, grain),
      [](void* p, int64_t chunk) {
        Context& c = *static_cast<Context*>(p);
        c.f(chunk * c.grain, std::min(c.n, (chunk + 1) * c.grain));
      },
      &context);
}

// Sum of f(begin, end) over pieces of `grain`, added in order.
template <class T, class F>
T parallel_sum(int64_t n, int64_t grain, F&& f) {
  std::vector<T> parts(n <= 0 ? 0 : ceil_div(n, grain));
  parallel_for(n, grain, [&](int64_t begin, int64_t end) { parts[begin / grain] = f(begin, end); });
  T total{};
  for (const T& part : parts) total += part;
  return total;
}

}  // namespace tensor
