// The measurements themselves: that they are there and make sense, not how fast the machine is.
#include "tensor/bench.h"

#include "tensor/bench_gemm.h"
#include "tensor/simd/simd.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

TEST_CASE("the peaks come first and every product has a share of them", "[bench]") {
  const auto rows = tensor::bench(tensor::kernel_workloads(64), 1, 64);
  REQUIRE(rows.size() > 12);
  CHECK(rows[0].unit == std::string("flop"));
  for (int level = 1; level <= 4; ++level) CHECK(rows[level].unit == std::string("byte"));
  for (const tensor::BenchRow& row : rows) {
    INFO(row.name);
    CHECK(row.seconds > 0);
    CHECK(row.share > 0);
    CHECK(row.low <= row.high);
  }
}

TEST_CASE("bf16 rows are held against tiles where there are some", "[bench][bf16]") {
  tensor::set_isa("tiles");
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  std::vector<tensor::Workload> workloads = tensor::kernel_workloads(256);
  workloads.resize(1);
  workloads[0].precision = tensor::Precision::bf16;
  const auto rows = tensor::bench(workloads, 1, 256);
  tensor::set_isa("auto");
  REQUIRE(rows.size() == 7);
  CHECK(rows[5].name == "products of bf16 tiles in registers");
  CHECK(rows[5].precision == tensor::Precision::bf16);
  CHECK(rows[6].share > 0);
}

TEST_CASE("genrec bench cpu sets bf16 beside fp32", "[bench][bf16][cli]") {
  const tests::Outcome outcome = tests::run_program(
      {"bench", "cpu", "--shrink", "64", "--repeats", "1", "--quiet", "--precision", "bf16", "--only", "feed-forward up"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(tests::contains(outcome.out, "fp32 / bf16"));
  CHECK(tests::contains(outcome.out, "[20480x128][128x1024], bf16"));
}

TEST_CASE("a benchmark without repeats is refused", "[bench]") {
  CHECK(tests::error_of([] { tensor::bench({}, 0); }) == "bench: needs at least one repeat, got 0; use 1 or more");
  CHECK(tests::error_of([] { tensor::bench_gemm_against_openblas(0); }) ==
        "bench: needs at least one repeat, got 0; use 1 or more");
}

TEST_CASE("genrec bench cpu measures whole pieces of work", "[bench][cli]") {
  const tests::Outcome outcome = tests::run_program({"bench", "cpu", "--shrink", "64", "--repeats", "1", "--quiet"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  for (const char* name : {"z = x + y in 18 KiB a thread", "feed-forward up", "T5 step", "RQ-VAE step", "MMGRec step",
                           "sparse product", "AdamW", "beam search 20, one user"}) {
    INFO(name);
    CHECK(tests::contains(outcome.out, name));
  }
  const tests::Outcome nothing = tests::run_program({"bench", "cpu", "--only", "nonsense", "--shrink", "64"});
  CHECK(nothing.exit_code == 2);
  CHECK(tests::contains(nothing.err, "--only nonsense: nothing that is measured is called so"));
}

TEST_CASE("genrec bench gemm compares with OpenBLAS, or says that there is none", "[bench][cli]") {
  const tests::Outcome outcome =
      tests::run_program({"bench", "gemm", "--against", "openblas", "--shrink", "64", "--repeats", "1", "--quiet"});
  INFO(outcome.err);
  if (outcome.exit_code == 71) {
    CHECK(tests::contains(outcome.err, "--against openblas: "));
    CHECK(tests::contains(outcome.err, "install OpenBLAS"));
  } else {
    REQUIRE(outcome.exit_code == 0);
    CHECK(tests::contains(outcome.out, "openblas / genrec"));
    const tests::Outcome rounded = tests::run_program(
        {"bench", "gemm", "--against", "openblas", "--shrink", "64", "--repeats", "1", "--quiet", "--precision", "bf16"});
    INFO(rounded.err);
    REQUIRE(rounded.exit_code == 0);
    CHECK(tests::contains(rounded.out, ", bf16, "));
  }
}
