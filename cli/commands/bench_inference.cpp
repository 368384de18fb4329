// genrec bench inference: how the time for one user's list grows with the items, MMGRec against an exhaustive scan; or the
// latency and the throughput of TIGER's beam search.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/bench_inference.h"
#include "genrec/text_table.h"
#include "genrec/workloads.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;
using InferenceRows = std::vector<genrec::InferenceBenchRow>;

std::string crossing_text(const char* mode, const std::optional<double>& crossing, const InferenceRows& rows) {
  if (!crossing) return fmt::format("{}: no crossing up to {} items, the scan is faster\n", mode, rows.back().items);
  if (*crossing <= static_cast<double>(rows.front().items)) return fmt::format("{}: MMGRec is faster at every size\n", mode);
  return fmt::format("{}: MMGRec is faster from about {:.3g} items on\n", mode, *crossing);
}

std::string text(const InferenceRows& rows, const genrec::InferenceBenchOptions& options) {
  const auto table = genrec::inference_table(rows);
  const genrec::InferenceCrossings crossings = genrec::inference_crossings(rows);
  const std::string title =
      fmt::format("Milliseconds per user, best {}: one user at a time ({} users), and batches of {} (median of {})\n\n",
                  options.k, options.users, options.batch, options.rounds);
  return title + genrec::text_table(table[0], std::span(table).subspan(1)) + "\n" +
         crossing_text("one user at a time", crossings.single, rows) + crossing_text("batched", crossings.batch, rows) +
         fmt::format("instruction set {}, {}, {} threads\n", tensor::name_of(tensor::isa()), tensor::name_of(tensor::precision()),
                     tensor::threads());
}

Json json_of(const genrec::Timing& timing) {
  return {{"median_ms", timing.median}, {"mean_ms", timing.mean}, {"p95_ms", timing.p95}};
}

Json json_of(const std::optional<double>& crossing) { return crossing ? Json(*crossing) : Json(); }

std::string json(const InferenceRows& rows, const genrec::InferenceBenchOptions& options) {
  Json list = Json::array();
  for (const genrec::InferenceBenchRow& row : rows) {
    list.push_back({{"items", row.items},
                    {"codes", row.codes},
                    {"largest_group", row.largest_group},
                    {"vocabulary", row.vocabulary},
                    {"scan", {{"single", json_of(row.scan_single)}, {"batch", json_of(row.scan_batch)}}},
                    {"mmgrec", {{"single", json_of(row.beam_single)}, {"batch", json_of(row.beam_batch)}}}});
  }
  const genrec::InferenceCrossings crossings = genrec::inference_crossings(rows);
  const Json root{{"isa", tensor::name_of(tensor::isa())},
                  {"precision", tensor::name_of(tensor::precision())},
                  {"threads", tensor::threads()},
                  {"users", options.users},
                  {"batch", options.batch},
                  {"rounds", options.rounds},
                  {"history", options.history},
                  {"k", options.k},
                  {"rows", list},
                  {"crossing", {{"single", json_of(crossings.single)}, {"batch", json_of(crossings.batch)}}}};
  return root.dump(2) + "\n";
}

int print_decoding(const genrec::InferenceBenchOptions& options, bool as_json) {
  const int64_t batch = options.batch;
  const genrec::DecodeTimes times = genrec::bench_decode(options.users, batch, options.rounds, options.seed);
  const double rate = 1e3 * static_cast<double>(batch) / times.batch;
  if (as_json) {
    const Json root{{"isa", tensor::name_of(tensor::isa())},
                    {"precision", tensor::name_of(tensor::precision())},
                    {"threads", tensor::threads()},
                    {"users", options.users},
                    {"batch", batch},
                    {"rounds", options.rounds},
                    {"single", {{"p50_ms", times.p50}, {"p95_ms", times.p95}, {"p99_ms", times.p99}}},
                    {"batched", {{"ms", times.batch}, {"encoder_ms", times.encoder}, {"users_per_second", rate}}}};
    print(root.dump(2) + "\n");
    return 0;
  }
  print(fmt::format("TIGER, T5 of 4 + 4 layers of width 128, 12000 items in 4 x 256 codes, histories of 20, beam 20\n\n"
                    "one user at a time ({}): p50 {:.2f} ms, p95 {:.2f} ms, p99 {:.2f} ms\n"
                    "batches of {} (median of {}): {:.1f} ms, {:.0f} users a second; of it the encoder {:.1f} ms\n"
                    "instruction set {}, {}, {} threads\n",
                    options.users, times.p50, times.p95, times.p99, batch, options.rounds, times.batch, rate, times.encoder,
                    tensor::name_of(tensor::isa()), tensor::name_of(tensor::precision()), tensor::threads()));
  return 0;
}

class BenchInference : public Command {
 public:
  BenchInference()
      : Command("bench inference", "Compare MMGRec's beam search with an exhaustive scan as the items grow, or time TIGER's") {
    options()
        .add("model", model_, "mmgrec: the comparison; tiger: latency and throughput of its beam search, at one size")
        .choices({"mmgrec", "tiger"});
    options()
        .add("items-max", bench_.items_max, "Largest number of items; each takes about 800 bytes of memory")
        .range(10, 2e7);
    options().add("users", bench_.users, "Users timed one at a time").range(1, 1e6);
    options().add("batch", bench_.batch, "Users ranked together").range(1, 1e5);
    options().add("rounds", bench_.rounds, "Turns that the two methods take; the users are split over them").range(1, 1000);
    options().add("history", bench_.history, "Items that the encoder reads of each user").range(1, 1000);
    options().add("k", bench_.k, "Length of the lists, and width of the beam").range(1, 1000);
    options().add("svg", svg_, "Also draw the medians here").value_name("FILE");
    add_precision(precision_);
    add_common(true);
  }

  int run() override {
    bench_.seed = common().seed;
    const tensor::PrecisionScope scope(precision_);
    if (model_ == "tiger") return print_decoding(bench_, common().json);
    const InferenceRows rows = genrec::bench_inference(bench_);
    if (!svg_.empty()) tensor::write_file_atomically(svg_, genrec::svg_file(genrec::inference_chart(rows)));
    print(common().json ? json(rows, bench_) : text(rows, bench_));
    return 0;
  }

 private:
  genrec::InferenceBenchOptions bench_;
  std::string model_ = "mmgrec", svg_;
  tensor::Precision precision_ = tensor::Precision::fp32;
};

}  // namespace

std::unique_ptr<Command> bench_inference() { return std::make_unique<BenchInference>(); }

}  // namespace cli
