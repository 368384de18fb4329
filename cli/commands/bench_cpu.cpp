// genrec bench cpu: what this machine can do, and how much of it the matrix products and attention reach.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/log.h"
#include "genrec/text_table.h"
#include "tensor/bench.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;

std::string text(const std::vector<tensor::BenchRow>& results) {
  std::vector<std::vector<std::string>> rows;
  for (const tensor::BenchRow& row : results)
    rows.push_back({row.name, fmt::format("{:.3g}", row.seconds * 1e3), fmt::format("{:.1f} G{}/s", row.rate() / 1e9, row.unit),
                    fmt::format("{:.0f} %", 100 * row.share)});
  const std::vector<std::string> header{"measured", "ms", "rate", "of the peak"};
  return genrec::text_table(header, rows) +
         fmt::format("instruction set {}, {} threads\n", tensor::name_of(tensor::isa()), tensor::threads());
}

std::string json(const std::vector<tensor::BenchRow>& results) {
  Json rows = Json::array();
  for (const tensor::BenchRow& row : results)
    rows.push_back({{"name", row.name},
                    {"unit", row.unit},
                    {"work", row.work},
                    {"seconds", row.seconds},
                    {"rate", row.rate()},
                    {"share", row.share}});
  const Json root{{"isa", tensor::name_of(tensor::isa())}, {"threads", tensor::threads()}, {"rows", rows}};
  return root.dump(2) + "\n";
}

class BenchCpu : public Command {
 public:
  BenchCpu() : Command("bench cpu", "Measure the processor and the matrix products on it") {
    options().add("repeats", repeats_, "Measurements of each row; the median is printed").range(1, 10000);
    options().add("shrink", shrink_, "Divides the longer sides of the matrices, for a quick look").range(1, 1024);
    add_common(true);
  }

  int run() override {
    const genrec::Stage stage("bench cpu");
    const std::vector<tensor::BenchRow> rows = tensor::bench_cpu(repeats_, shrink_);
    print(common().json ? json(rows) : text(rows));
    return 0;
  }

 private:
  int repeats_ = 9;
  int64_t shrink_ = 1;
};

}  // namespace

std::unique_ptr<Command> bench_cpu() { return std::make_unique<BenchCpu>(); }

}  // namespace cli
