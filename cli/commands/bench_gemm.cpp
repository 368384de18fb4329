// genrec bench gemm: the matrix products against another library's.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/log.h"
#include "genrec/text_table.h"
#include "tensor/bench_gemm.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;
using GemmRows = std::vector<tensor::GemmContestRow>;

std::string text(const GemmRows& results, const std::string& other) {
  std::vector<std::vector<std::string>> rows;
  for (const tensor::GemmContestRow& row : results)
    rows.push_back({row.name, fmt::format("{:.3g}", row.seconds * 1e3), fmt::format("{:.3g}", row.other_seconds * 1e3),
                    fmt::format("{:.0f} %", 100 * row.share), fmt::format("{:.2f}", row.ratio),
                    fmt::format("{:.2f} to {:.2f}", row.low, row.high)});
  const std::vector<std::string> header{"product", "genrec ms", other + " ms", "of the peak", other + " / genrec", "quartiles"};
  return genrec::text_table(header, rows) +
         fmt::format("instruction set {}, {}, {} threads\n", tensor::name_of(tensor::isa()), tensor::name_of(tensor::precision()),
                     tensor::threads());
}

std::string json(const GemmRows& results, const std::string& other) {
  Json rows = Json::array();
  for (const tensor::GemmContestRow& row : results)
    rows.push_back({{"name", row.name},
                    {"seconds", row.seconds},
                    {"other_seconds", row.other_seconds},
                    {"share", row.share},
                    {"ratio", row.ratio},
                    {"quartiles", {row.low, row.high}}});
  const Json root{{"isa", tensor::name_of(tensor::isa())},
                  {"precision", tensor::name_of(tensor::precision())},
                  {"threads", tensor::threads()},
                  {"against", other},
                  {"rows", rows}};
  return root.dump(2) + "\n";
}

class BenchGemm : public Command {
 public:
  BenchGemm() : Command("bench gemm", "Compare the matrix products with another library's, which must be installed") {
    options().add("against", against_, "The other library").choices({"openblas"});
    options().add("repeats", repeats_, "Turns that the two take at each product").range(1, 10000);
    options().add("shrink", shrink_, "Divides the longer sides of the matrices, for a quick look").range(1, 1024);
    add_precision(precision_);
    add_common(true);
  }

  int run() override {
    const genrec::Stage stage("bench gemm");
    const tensor::PrecisionScope scope(precision_);
    const GemmRows rows = tensor::bench_gemm_against_openblas(repeats_, shrink_);
    print(common().json ? json(rows, against_) : text(rows, against_));
    return 0;
  }

 private:
  std::string against_ = "openblas";
  int repeats_ = 15;
  int64_t shrink_ = 1;
  tensor::Precision precision_ = tensor::Precision::fp32;
};

}  // namespace

std::unique_ptr<Command> bench_gemm() { return std::make_unique<BenchGemm>(); }

}  // namespace cli
