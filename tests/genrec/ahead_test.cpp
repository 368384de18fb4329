// Batches made one step ahead.
#include "genrec/ahead.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/catch.h"

using genrec::Ahead;

namespace {
struct Threads {  // so many, while it lives
  explicit Threads(int count) { tensor::set_threads(count); }
  ~Threads() { tensor::set_threads(0); }
};
}  // namespace

TEST_CASE("batches made ahead are those of their index and epoch", "[trainer]") {
  for (const int threads : {1, 2}) {
    const Threads used(threads);
    int epoch = -1;
    Ahead<int> batches([&](int64_t index) { return 100 * epoch + static_cast<int>(index); });
    for (const int number : {0, 1}) {
      CHECK(batches.begin([&] { return epoch = number, int64_t{5}; }) == 5);
      for (const int index : {0, 1, 3, 4, 2}) CHECK(batches.take(index) == 100 * number + index);
    }
  }
}

TEST_CASE("a batch is made while the one before it is used, and never with one thread", "[trainer]") {
  for (const int threads : {1, 2}) {
    const Threads used(threads);
    std::atomic<int> made_here{0};
    const auto here = std::this_thread::get_id();
    Ahead<int> batches([&](int64_t) { return made_here += std::this_thread::get_id() == here, 0; });
    batches.begin([] { return int64_t{4}; });
    for (int index = 0; index < 4; ++index) batches.take(index);
    CHECK(made_here == (threads == 1 ? 4 : 1));
  }
}

TEST_CASE("an error in a batch made ahead comes with that batch", "[trainer]") {
  const Threads used(2);
  Ahead<int> batches([](int64_t index) { return index == 1 ? throw std::runtime_error("broken") : 7; });
  batches.begin([] { return int64_t{3}; });
  CHECK(batches.take(0) == 7);
  CHECK_THROWS_WITH(batches.take(1), "broken");
  CHECK(batches.take(2) == 7);
}
