// Where the time goes. While profiling, every kernel is measured under its name, with the operations it does or the bytes it
// is given; otherwise a measurement costs one test of a flag. Times are the caller's: a GPU kernel's is that of its launch.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

namespace tensor {

namespace detail {
inline std::atomic<bool> profiling{false};
}
inline bool profiling() { return detail::profiling.load(std::memory_order_relaxed); }

// Measures what its thread does while it lives. Inside another one its time is taken from the outer one's. A `phase` (a step
// of training) shows in the trace only: its own time counts as outside of operations.
class Measured {
 public:
  enum class Kind : uint8_t { operation, phase };
  explicit Measured(const char* name, Kind kind = Kind::operation) {
    if (profiling()) [[unlikely]] begin(name, kind);
  }
  template <std::invocable F>
  explicit Measured(F&& name) {  // a name that costs something to make
    if (profiling()) [[unlikely]] begin(name(), Kind::operation);
  }
  ~Measured() {
    if (open_) [[unlikely]] end();
  }
  Measured(const Measured&) = delete;
  Measured& operator=(const Measured&) = delete;

 private:
  void begin(std::string name, Kind kind);
  void end();
  bool open_ = false;
};

// Adds to the innermost measurement of this thread; nothing without one.
void count_work(double operations, double bytes);

struct Profile {
  struct Row {  // of one name
    std::string name;
    int64_t calls = 0;
    double seconds = 0;     // without the measurements inside
    double operations = 0;  // multiply and add are two
    double bytes = 0;       // of the tensors given: read or written once
  };
  struct Event {
    int32_t name, module;  // into `names`
    int32_t thread;
    double begin, seconds;  // since the start
  };
  double seconds = 0;           // from start to stop
  std::vector<Row> rows;        // longest first
  std::vector<Event> events;    // in the order of their ends
  std::vector<std::string> names;
  int64_t dropped_events = 0;   // beyond kMostEvents
  static constexpr int64_t kMostEvents = 200000;

  double inside() const;        // seconds of all rows
  std::string chrome_trace() const;  // JSON for chrome://tracing and ui.perfetto.dev
};

void start_profile();
Profile stop_profile();  // what was measured since start_profile()

}  // namespace tensor
