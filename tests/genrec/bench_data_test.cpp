#include "genrec/bench_data.h"

#include "tensor/parallel.h"
#include "tests/catch.h"

using namespace genrec;

TEST_CASE("the data benchmark visits every prefix of every user, at few bytes each", "[bench_data]") {
  const DataBenchOptions options{.interactions = 100003, .items = 1000};
  const DataBench bench = bench_data(options);
  CHECK(bench.users == 12500);
  CHECK(bench.prefixes == 100003 - 3 * bench.users);  // none for the first item, none held out
  CHECK(bench.prefix_items > bench.prefixes);
  CHECK(static_cast<double>(bench.bytes) / static_cast<double>(bench.interactions) < 24);
  tensor::set_threads(3);
  CHECK(bench_data(options).checksum == bench.checksum);
  tensor::set_threads(0);
  CHECK_THAT(tests::error_of([] { bench_data({.interactions = 10, .users = 9}); }),
             tests::Contains("--interactions 10: fewer than 3 for each of 9 users"));
}
