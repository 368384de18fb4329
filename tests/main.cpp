// Runs Catch2 and closes with one line: N passed, N failed, N skipped. A run that executed nothing is a failure.
#define CATCH_CONFIG_RUNNER
#include "tests/catch.h"

#include <filesystem>
#include <iostream>
#include <map>

#include <unistd.h>

namespace {

int passed = 0, failed = 0;
std::map<std::string, std::string> skipped;  // test name -> reason
std::string running;

#if __has_include(<catch2/catch.hpp>)
using Listener = Catch::TestEventListenerBase;
#else
using Listener = Catch::EventListenerBase;
#endif

struct Counter : Listener {
  using Listener::Listener;
  void testCaseStarting(Catch::TestCaseInfo const& info) override { running = info.name; }
  void testCaseEnded(Catch::TestCaseStats const& stats) override {
    if (stats.totals.assertions.failed > 0) {
      ++failed;
      skipped.erase(running);
    } else if (!skipped.count(running)) {
      ++passed;
    }
  }
};
CATCH_REGISTER_LISTENER(Counter)

}  // namespace

namespace tests {

void skip(const std::string& reason) { skipped[running] = reason; }

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "genrec-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary folder " + pattern);
  path_ = pattern;
}
TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

}  // namespace tests

int main(int argc, char** argv) {
  Catch::Session session;
  const int usage = session.applyCommandLine(argc, argv);
  if (usage != 0) return usage;
  const int result = session.run();
  if (session.configData().listTests || session.configData().listTags) return result;
  for (const auto& [test, reason] : skipped) std::cout << "skipped: " << test << ": " << reason << "\n";
  if (passed + failed + static_cast<int>(skipped.size()) == 0) std::cout << "no test was executed\n";
  std::cout << passed << " passed, " << failed << " failed, " << skipped.size() << " skipped\n";
  return failed > 0 || result != 0 || passed == 0;
}
