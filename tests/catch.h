// Catch2, whichever version is installed (Debian 12 has 2.13, newer systems 3.x), and the helpers that tests share.
#pragma once

#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
namespace tests {
using Catch::Matchers::Contains;  // text that contains a part
}
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
namespace tests {
inline auto Contains(const char* part) { return Catch::Matchers::ContainsSubstring(part); }
}
#endif

#include <cmath>
#include <string>

#include "tensor/error.h"

namespace tests {

// Marks the running test as skipped, with the reason; the test returns after it. Counted and printed at the end.
void skip(const std::string& reason);

// The message of the Error that f throws; "" when it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const tensor::Error& error) {
    return error.what();
  }
  return "";
}

// The larger one, or what is no number if one of them is not: std::max would lose it.
inline double larger(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

// An empty folder that is removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tests
