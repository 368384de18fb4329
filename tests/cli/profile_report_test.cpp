// The table of operations: shares, what is left out, and operations that ran side by side.
#include "cli/profile_report.h"

#include "tensor/parallel.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using tests::contains;

TEST_CASE("the table of operations shows shares of the time and of the peaks", "[cli][profile]") {
  tensor::Profile profile;
  profile.seconds = 10;
  profile.rows = {{.name = "gemm", .calls = 3, .seconds = 5, .operations = 5e9}, {.name = "copy", .calls = 2, .seconds = 1, .bytes = 1e9}};
  for (int i = 0; i < 8; ++i) profile.rows.push_back({.name = "tenth at most", .calls = 1, .seconds = 0.001});
  profile.rows.push_back({.name = "tiny", .calls = 7, .seconds = 0.001});
  const std::string text = cli::profile_table(profile, {.operations = 4e9, .tiles = 0, .bytes = 2e9});
  CHECK(contains(text, "gemm                       3        5  50.0 %  1.0 GFLOP/s         25 %\n"));
  CHECK(contains(text, "copy                       2        1  10.0 %     1.0 GB/s         50 %\n"));
  CHECK(contains(text, "tenth at most              1    0.001   0.0 %"));
  CHECK_FALSE(contains(text, "tiny"));
  CHECK(contains(text, "others                     7    0.001   0.0 %"));
  CHECK(contains(text, "outside of operations            3.99  39.9 %"));
  CHECK(contains(text, "10 s in all; peaks of this machine: 4 GFLOP/s, 2.0 GB/s from memory\n"));
}

TEST_CASE("operations on several threads at once share the sum of their times", "[cli][profile]") {
  tensor::Profile profile;
  profile.seconds = 10;
  profile.rows = {{.name = "gemm", .calls = 3, .seconds = 15, .operations = 15e9}, {.name = "copy", .calls = 2, .seconds = 5}};
  const double of_thread = 4e9;
  const std::string text = cli::profile_table(profile, {.operations = of_thread * tensor::threads(), .tiles = 0, .bytes = 2e9});
  CHECK(contains(text, "75.0 %  1.0 GFLOP/s         25 %\n"));
  CHECK(contains(text, "25.0 %"));
  CHECK_FALSE(contains(text, "outside"));
  CHECK(contains(text, "10 s in all, operations side by side on several threads; peaks"));
}
