// The real program where there is no GPU, and the same program on the emulated device, from training to recommendations.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/program.h"

using nlohmann::json;
using tests::contains;

namespace {

using Words = std::vector<std::string>;

const std::string kEmulated = GENREC_EMULATED_PROGRAM;  // "": this build has none

bool have_emulation() {
  if (kEmulated.empty()) tests::skip("no emulation of the CUDA kernels: the CUDA headers are not installed");
  return !kEmulated.empty();
}

tests::Outcome succeed(const Words& words) {
  const tests::Outcome outcome = tests::run_command(words);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return outcome;
}

}  // namespace

TEST_CASE("--device cuda without a GPU ends with 71 and says what was missing", "[cuda][cli]") {
  const tests::Outcome outcome = tests::run_program({"selftest", "--filter", "relu", "--device", "cuda", "--quiet"});
  if (outcome.exit_code == 0) return tests::skip("this machine has a GPU");
  CHECK(outcome.exit_code == 71);
  CHECK(outcome.out.empty());
  CHECK(contains(outcome.err, "genrec: --device cuda: "));
  CHECK(contains(outcome.err, "; use --device cpu\n"));
}

TEST_CASE("the program needs no NVIDIA library to start", "[cuda][cli]") {
  const tests::Outcome outcome = tests::run_command({"ldd", GENREC_PROGRAM});
  REQUIRE(contains(outcome.out, "libc.so"));
  for (const char* name : {"libcu", "libnv", "libnccl"}) {
    CAPTURE(name);
    CHECK_FALSE(contains(outcome.out, name));
  }
}

TEST_CASE("the emulated program compares an operation on both devices", "[cuda][cli]") {
  if (!have_emulation()) return;
  const tests::Outcome outcome = succeed({kEmulated, "selftest", "--filter", "layer_norm", "--device", "cuda", "--quiet"});
  CHECK(contains(outcome.out, "operations on cuda: "));
  CHECK_FALSE(contains(outcome.out, " 0 cases"));
  CHECK(contains(outcome.out, "of the limit, 0 failures"));
}

TEST_CASE("the emulated program compares products of bf16 on both devices, and with fp32", "[cuda][cli][bf16]") {
  if (!have_emulation()) return;
  const tests::Outcome outcome =
      succeed({kEmulated, "selftest", "--filter", "matmul", "--device", "cuda", "--precision", "bf16", "--quiet"});
  CHECK(contains(outcome.out, "operations in bf16: "));
  CHECK(contains(outcome.out, "operations on cuda: "));
  CHECK_FALSE(contains(outcome.out, " 0 cases"));
}

TEST_CASE("MMGRec trains, is evaluated and recommends on the emulated device", "[cuda][cli][slow]") {
  if (!have_emulation()) return;
  const tests::TemporaryFolder folder;
  const std::string data = folder / "data", run = folder / "run";
  succeed({kEmulated, "synth", "--out", data, "--users", "20", "--items", "60", "--seed", "5", "--quiet"});
  succeed({kEmulated, "train", "--data", data, "--out", run, "--device", "cuda", "--quiet", "--preset", "tiny", "--graph-epochs", "1",
           "--rq-epochs", "1", "--epochs", "1", "--width", "16", "--rq-hidden", "12", "--feed-forward", "16", "--codes", "8",
           "--rq-latent", "4"});
  const auto on = [&](const std::string& device, Words words) {  // what the trained model says there
    words.insert(words.begin(), kEmulated);
    words.insert(words.end(), {"--device", device, "--quiet"});
    return succeed(words).out;
  };
  const Words recommend{"recommend", run, "--user", "u1", "--k", "5"}, evaluate{"evaluate", run};
  CHECK(on("cuda", recommend) == on("cpu", recommend));
  CHECK(on("cuda", evaluate) == on("cpu", evaluate));
}

TEST_CASE("bench gpu prints a row for every workload, without allocations once it is warm", "[cuda][cli][slow]") {
  if (!have_emulation()) return;
  const auto [only, count] = GENERATE(table<std::string, size_t>(
      {{"256 sequences of real", 1}, {"1024 rows", 2}, {"MMGRec", 1}, {"sparse", 4}, {"AdamW", 1}, {"20, one user", 1}}));
  const tests::Outcome outcome = succeed({kEmulated, "bench", "gpu", "--device", "cuda", "--shrink", "256", "--repeats", "1",
                                          "--json", "--quiet", "--only", only});
  const json rows = json::parse(outcome.out)["rows"];
  CHECK(rows.size() == 2 + count);  // after the product and the copy
  for (const json& row : rows) {
    CAPTURE(row.dump());
    CHECK(row["milliseconds"] > 0);
    CHECK(row["share"] > 0);
    const bool kernels = row["kernels"] > 0, copies = row["name"] == "copy";  // copying is no kernel
    CHECK(kernels != copies);
    const std::string name = row["name"];
    const bool training = contains(name, " step, ");
    CHECK(row["allocations"] == 0);
    if (!training) continue;
    CHECK(row["graphs"] == 1);
    CHECK(row["waits"] == 0);
  }
}

TEST_CASE("bench gpu says when nothing is called as --only says", "[cuda][cli]") {
  if (!have_emulation()) return;
  const tests::Outcome outcome = tests::run_command({kEmulated, "bench", "gpu", "--device", "cuda", "--shrink", "256", "--repeats", "1",
                                             "--only", "no such work"});
  CHECK(outcome.exit_code == 2);
  CHECK(contains(outcome.err, "--only no such work: nothing that is measured is called so; leave it out to see the names"));
}

TEST_CASE("bench gpu without a GPU ends with 71", "[cuda][cli]") {
  const tests::Outcome outcome = tests::run_program({"bench", "gpu", "--device", "cpu"});
  CHECK(outcome.exit_code == 71);
  CHECK(contains(outcome.err, "genrec: bench gpu: --device cpu; it needs a GPU\n"));
}
