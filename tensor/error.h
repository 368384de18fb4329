// The one exception type of the program, the functions that raise it, and the module path that its messages begin with.
// Grammar of a message: `<module path: operation, or file:line>: <what is wrong, with the values>; <what to do>`.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tensor {

// Whose fault it is and what it is about; the value is the exit code of the program.
enum class Fault {
  usage = 2,          // a call, flag or option value that makes no sense
  bad_data = 65,      // input that is there but wrong
  missing_input = 66, // input that is not there
  bug = 70,           // we broke an invariant, or a number is not finite
  resources = 71,     // memory, device
  io = 74,            // reading or writing failed
  interrupted = 75,   // stopped by a signal; the run can be resumed
  config = 78,        // configuration file
};

class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& what) : std::runtime_error(what), fault_(fault) {}
  Fault fault() const { return fault_; }
  int exit_code() const { return static_cast<int>(fault_); }

 private:
  Fault fault_;
};

// Names the module that is at work on this thread while it lives; nested scopes join with dots.
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  static const std::string& path();  // "decoder.layers.2.ffn", empty outside of any scope

 private:
  size_t outer_length_;
};

// Captures the call site without a macro. (nvcc 13.0 with libstdc++ 12 has no working std::source_location.)
struct Condition {
  bool ok;
  const char* file;
  int line;
  Condition(bool ok, const char* file = __builtin_FILE(), int line = __builtin_LINE()) : ok(ok), file(file), line(line) {}
};

template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

[[noreturn]] void raise(Fault fault, const std::string& message);  // prefixes the module path

template <class... Parts>
[[noreturn]] void fail(Fault fault, const Parts&... parts) {
  raise(fault, join(parts...));
}

// The caller can mend it: throws Error(fault) unless ok.
template <class... Parts>
void require(Fault fault, bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]] fail(fault, parts...);
}
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]] fail(Fault::usage, parts...);
}

// An invariant of ours: throws Error(Fault::bug) with the place unless it holds.
template <class... Parts>
void check(Condition condition, const Parts&... parts) {
  if (!condition.ok) [[unlikely]] fail(Fault::bug, condition.file, ":", condition.line, ": ", parts...);
}

}  // namespace tensor
