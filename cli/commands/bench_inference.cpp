// genrec bench inference: how the time for one user's list grows with the items, MMGRec against an exhaustive scan.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/bench_inference.h"
#include "genrec/text_table.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<genrec::InferenceBenchRow>;

std::string crossing_text(const char* mode, const std::optional<double>& crossing, const Rows& rows) {
  if (!crossing) return fmt::format("{}: no crossing up to {} items, the scan is faster\n", mode, rows.back().items);
  if (*crossing <= static_cast<double>(rows.front().items)) return fmt::format("{}: MMGRec is faster at every size\n", mode);
  return fmt::format("{}: MMGRec is faster from about {:.3g} items on\n", mode, *crossing);
}

std::string text(const Rows& rows, const genrec::InferenceBenchOptions& options) {
  const auto table = genrec::inference_table(rows);
  const genrec::InferenceCrossings crossings = genrec::inference_crossings(rows);
  const std::string title =
      fmt::format("Milliseconds per user, best {}: one user at a time ({} users), and batches of {} (median of {})\n\n",
                  options.k, options.users, options.batch, options.rounds);
  return title + genrec::text_table(table[0], std::span(table).subspan(1)) + "\n" +
         crossing_text("one user at a time", crossings.single, rows) + crossing_text("batched", crossings.batch, rows) +
         fmt::format("instruction set {}, {} threads\n", tensor::name_of(tensor::isa()), tensor::threads());
}

Json json_of(const genrec::Timing& timing) {
  return {{"median_ms", timing.median}, {"mean_ms", timing.mean}, {"p95_ms", timing.p95}};
}

Json json_of(const std::optional<double>& crossing) { return crossing ? Json(*crossing) : Json(); }

std::string json(const Rows& rows, const genrec::InferenceBenchOptions& options) {
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

class BenchInference : public Command {
 public:
  BenchInference() : Command("bench inference", "Compare MMGRec's beam search with an exhaustive scan as the items grow") {
    options()
        .add("items-max", bench_.items_max, "Largest number of items; each takes about 800 bytes of memory")
        .range(10, 2e7);
    options().add("users", bench_.users, "Users timed one at a time").range(1, 1e6);
    options().add("batch", bench_.batch, "Users ranked together").range(1, 1e5);
    options().add("rounds", bench_.rounds, "Turns that the two methods take; the users are split over them").range(1, 1000);
    options().add("history", bench_.history, "Items that the encoder reads of each user").range(1, 1000);
    options().add("k", bench_.k, "Length of the lists, and width of the beam").range(1, 1000);
    options().add("svg", svg_, "Also draw the medians here").value_name("FILE");
    add_common(true);
  }

  int run() override {
    bench_.seed = common().seed;
    const Rows rows = genrec::bench_inference(bench_);
    if (!svg_.empty()) tensor::write_file_atomically(svg_, genrec::svg_file(genrec::inference_chart(rows)));
    print(common().json ? json(rows, bench_) : text(rows, bench_));
    return 0;
  }

 private:
  genrec::InferenceBenchOptions bench_;
  std::string svg_;
};

}  // namespace

std::unique_ptr<Command> bench_inference() { return std::make_unique<BenchInference>(); }

}  // namespace cli
