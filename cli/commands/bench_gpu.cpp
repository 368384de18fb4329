// genrec bench gpu: times of the training steps and of beam search, beside what the GPU can do.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/bench_gpu.h"
#include "genrec/log.h"
#include "genrec/text_table.h"
#include "tensor/cuda/device.h"
#include "tensor/error.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;

std::string text(const std::vector<genrec::GpuBenchRow>& results) {
  std::vector<std::vector<std::string>> rows;
  for (const genrec::GpuBenchRow& row : results) {
    const bool large = row.rate() > 1e9;
    rows.push_back({row.name, fmt::format("{:.4g}", row.milliseconds),
                    fmt::format("{:.4g} {}{}/s", large ? row.rate() / 1e9 : row.rate(), large ? "G" : "", row.unit),
                    fmt::format("{:.3g} %", 100 * row.share),
                    row.items > 0 ? fmt::format("{:.4g}", row.items / row.milliseconds * 1e3) : "",
                    fmt::format("{}", row.kernels), fmt::format("{}", row.graphs), fmt::format("{}", row.waits),
                    fmt::format("{}", row.allocations)});
  }
  const std::vector<std::string> header{"measured", "ms",     "rate",   "of the device", "tokens, rows or users/s",
                                        "kernels",  "graphs", "waits",  "allocations"};
  return genrec::text_table(header, rows) + tensor::cuda::description() + "\n";
}

std::string json(const std::vector<genrec::GpuBenchRow>& results) {
  Json rows = Json::array();
  for (const genrec::GpuBenchRow& row : results)
    rows.push_back({{"name", row.name}, {"milliseconds", row.milliseconds}, {"work", row.work}, {"unit", row.unit},
                    {"rate", row.rate()}, {"share", row.share}, {"items", row.items},
                    {"kernels", row.kernels}, {"graphs", row.graphs}, {"waits", row.waits},
                    {"allocations", row.allocations}});
  return Json{{"device", tensor::cuda::description()}, {"rows", rows}}.dump(2) + "\n";
}

class BenchGpu : public Command {
 public:
  BenchGpu() : Command("bench gpu", "Measure training steps and beam search on the GPU") {
    options().add("repeats", repeats_, "Runs of each row; the median is printed").range(1, 10000);
    options().add("shrink", shrink_, "Divides batches and sizes, for a quick look").range(1, 256);
    options().add("only", only_, "Measure only what has this in its name, and the device's rates").value_name("TEXT");
    add_precision(precision_);
    add_common(true);
  }

  int run() override {
    const bool on_gpu = choose_device(common()) == tensor::Device::cuda;
    tensor::require(tensor::Fault::resources, on_gpu,
                    "bench gpu: ", common().device == "cpu" ? "--device cpu" : tensor::cuda::open(), "; it needs a GPU");
    const tensor::PrecisionScope scope(precision_);
    const std::vector<genrec::GpuBenchRow> rows = genrec::bench_gpu(repeats_, shrink_, only_);
    tensor::require(rows.size() > 2, "--only ", only_, ": nothing that is measured is called so; leave it out to see the names");
    print(common().json ? json(rows) : text(rows));
    return 0;
  }

 private:
  tensor::Precision precision_ = tensor::Precision::fp32;
  int repeats_ = 20;
  int64_t shrink_ = 1;
  std::string only_;
};

}  // namespace

std::unique_ptr<Command> bench_gpu() { return std::make_unique<BenchGpu>(); }

}  // namespace cli
