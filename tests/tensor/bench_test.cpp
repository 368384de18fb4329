// The measurements themselves: that they are there and make sense, not how fast the machine is.
#include "tensor/bench.h"

#include "tests/catch.h"

TEST_CASE("the peaks come first and every product has a share of them", "[bench]") {
  const auto rows = tensor::bench_cpu(1, 64);
  REQUIRE(rows.size() > 2);
  CHECK(rows[0].unit == std::string("flop"));
  CHECK(rows[1].unit == std::string("byte"));
  for (const tensor::BenchRow& row : rows) {
    INFO(row.name);
    CHECK(row.seconds > 0);
    CHECK(row.share > 0);
  }
}

TEST_CASE("a benchmark without repeats is refused", "[bench]") {
  CHECK(tests::error_of([] { tensor::bench_cpu(0); }) == "bench: needs at least one repeat, got 0; use 1 or more");
}
