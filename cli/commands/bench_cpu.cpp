// genrec bench cpu: what this machine can do, and how much of it the kernels and whole pieces of work reach.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/profile_report.h"
#include "cli/program.h"
#include "genrec/log.h"
#include "genrec/text_table.h"
#include "genrec/workloads.h"
#include "tensor/bench.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;
using tensor::Precision;

constexpr const char* kSuffix = ", bf16";

// The time of the same work in fp32 as a multiple of this row's; 0 for rows that are fp32.
double gain(const tensor::BenchRow& row, const std::vector<tensor::BenchRow>& results) {
  for (const tensor::BenchRow& other : results) {
    if (row.precision == Precision::bf16 && other.precision == Precision::fp32 && other.name + kSuffix == row.name)
      return other.seconds / row.seconds;
  }
  return 0;
}

std::string text(const std::vector<tensor::BenchRow>& results, Precision precision) {
  std::vector<std::vector<std::string>> rows;
  for (const tensor::BenchRow& row : results) {
    rows.push_back({row.name, fmt::format("{:.3g}", row.seconds * 1e3), fmt::format("{:.1f} G{}/s", row.rate() / 1e9, row.unit),
                    fmt::format("{:.0f} %", 100 * row.share), fmt::format("{:.0f} to {:.0f} %", 100 * row.low, 100 * row.high)});
    const double times = gain(row, results);
    if (precision == Precision::bf16) rows.back().push_back(times > 0 ? fmt::format("{:.2f}", times) : "");
  }
  std::vector<std::string> header{"measured", "ms", "rate", "of the peak", "quartiles"};
  if (precision == Precision::bf16) header.push_back("fp32 / bf16");
  return genrec::text_table(header, rows) +
         fmt::format("instruction set {}, {} threads; bytes are held against the largest z = x + y\n",
                     tensor::name_of(tensor::isa()), tensor::threads());
}

std::string json(const std::vector<tensor::BenchRow>& results) {
  Json rows = Json::array();
  for (const tensor::BenchRow& row : results)
    rows.push_back({{"name", row.name},
                    {"unit", row.unit},
                    {"precision", tensor::name_of(row.precision)},
                    {"work", row.work},
                    {"seconds", row.seconds},
                    {"rate", row.rate()},
                    {"share", row.share},
                    {"quartiles", {row.low, row.high}}});
  const Json root{{"isa", tensor::name_of(tensor::isa())}, {"threads", tensor::threads()}, {"rows", rows}};
  return root.dump(2) + "\n";
}

class BenchCpu : public Command {
 public:
  BenchCpu() : Command("bench cpu", "Measure the processor, the kernels and whole pieces of work on it") {
    options().add("repeats", repeats_, "Measurements of each row; the median is printed").range(1, 10000);
    options().add("shrink", shrink_, "Divides the longer sides of the matrices, for a quick look").range(1, 1024);
    options().add("only", only_, "Measure only what has this in its name").value_name("TEXT");
    options().add("profiler", profiler_, "Then run each once more and print the time that each operation took");
    add_precision(precision_);
    add_common(true);
  }

  int run() override {
    const genrec::Stage stage("bench cpu");
    std::vector<tensor::Workload> all = workloads(Precision::fp32);
    if (precision_ == Precision::bf16) {
      for (tensor::Workload& workload : workloads(Precision::bf16)) all.push_back(std::move(workload));
    }
    tensor::require(!all.empty(), "--only ", only_, ": nothing that is measured is called so; leave it out to see the names");
    const std::vector<tensor::BenchRow> rows = tensor::bench(all, repeats_, shrink_);
    print(common().json ? json(rows) : text(rows, precision_));
    if (profiler_) profile(all);
    return 0;
  }

 private:
  // Those in bf16: the ones that differ.
  std::vector<tensor::Workload> workloads(Precision precision) const {
    const bool suffixed = only_.ends_with(kSuffix);
    if (suffixed && precision == Precision::fp32) return {};
    const std::string only = suffixed ? only_.substr(0, only_.size() - std::string_view(kSuffix).size()) : only_;
    const tensor::PrecisionScope scope(precision);
    std::vector<tensor::Workload> all = tensor::kernel_workloads(shrink_);
    for (tensor::Workload& workload : genrec::whole_workloads(shrink_, only)) all.push_back(std::move(workload));
    std::erase_if(all, [&](const tensor::Workload& workload) {
      return workload.name.find(only) == std::string::npos || (precision == Precision::bf16 && !workload.rounds);
    });
    if (precision == Precision::fp32) return all;
    for (tensor::Workload& workload : all) {
      workload.name += kSuffix, workload.precision = precision;
      workload.run = [run = std::move(workload.run)] {
        const tensor::PrecisionScope inside(Precision::bf16);
        run();
      };
    }
    return all;
  }

  static void profile(const std::vector<tensor::Workload>& workloads) {
    const tensor::Peaks peaks = tensor::measure_peaks();
    for (const tensor::Workload& workload : workloads) {
      tensor::start_profile();
      workload.run();
      std::fputs(("\n" + workload.name + "\n" + profile_table(tensor::stop_profile(), peaks)).c_str(), stderr);
    }
  }

  bool profiler_ = false;
  Precision precision_ = Precision::fp32;
  int repeats_ = 9;
  int64_t shrink_ = 1;
  std::string only_;
};

}  // namespace

std::unique_ptr<Command> bench_cpu() { return std::make_unique<BenchCpu>(); }

}  // namespace cli
