// The gradient table: every operation, every sample; and the check of the checker.
#include "autograd/gradcheck.h"
#include "tests/catch.h"

namespace {
std::string lines(const std::vector<std::string>& failures) {
  std::string text;
  for (const std::string& failure : failures) text += failure + "\n";
  return text;
}
}  // namespace

TEST_CASE("every operation's gradient equals the numeric one", "[gradients]") {
  const autograd::GradientReport report = autograd::check_gradients();
  INFO(lines(report.failures));
  CHECK(report.failures.empty());
  CHECK(report.operations > 0);
}

TEST_CASE("the gradient check notices scaled, zeroed and negated gradients", "[gradients]") {
  for (const uint64_t seed : {7, 1}) {  // 1: that of `genrec selftest`
    const autograd::GradientReport report = autograd::check_the_checker("", seed);
    INFO(lines(report.failures));
    CHECK(report.failures.empty());
  }
}

TEST_CASE("a filter that matches no operation is a failure", "[gradients]") {
  CHECK(autograd::check_gradients("no such operation").failures.size() == 1);
}
