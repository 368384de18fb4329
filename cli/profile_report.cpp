#include "cli/profile_report.h"

#include <fmt/format.h>

#include "cli/progress.h"
#include "genrec/text_table.h"
#include "tensor/parallel.h"

namespace cli {

namespace {

using Row = tensor::Profile::Row;

constexpr size_t kAlwaysShown = 10;

// An operation that counts its arithmetic is held against the multiply-adds, any other against the memory.
std::vector<std::string> cells(const Row& row, double total, const tensor::Peaks& peaks) {
  std::vector<std::string> result{row.name, std::to_string(row.calls), fmt::format("{:.3g}", row.seconds),
                                  fmt::format("{:.1f} %", 100 * row.seconds / total)};
  const bool counts = row.operations > 0;
  const double rate = (counts ? row.operations : row.bytes) / row.seconds, peak = counts ? peaks.operations : peaks.bytes;
  if (rate > 0) {
    result.push_back(fmt::format("{:.1f} G{}/s", rate / 1e9, counts ? "FLOP" : "B"));
    result.push_back(fmt::format("{:.0f} %", 100 * rate / peak));
  } else {
    result.insert(result.end(), {"", ""});
  }
  return result;
}

}  // namespace

std::string profile_table(const tensor::Profile& profile, const tensor::Peaks& machine) {
  // Groups of users are asked on several threads at once: then times are sums over the threads, and a rate is that of one.
  const bool at_once = profile.inside() > profile.seconds;
  const double total = at_once ? profile.inside() : profile.seconds;
  tensor::Peaks peaks = machine;
  if (at_once) peaks.operations /= tensor::threads(), peaks.bytes /= tensor::threads();
  std::vector<std::vector<std::string>> rows;
  double rest = 0;
  int64_t rest_calls = 0;
  for (const Row& row : profile.rows) {
    if (rows.size() < kAlwaysShown || row.seconds >= total / 1000) {
      rows.push_back(cells(row, total, peaks));
    } else {
      rest += row.seconds, rest_calls += row.calls;
    }
  }
  if (rest_calls > 0) rows.push_back(cells({"others", rest_calls, rest}, total, peaks));
  if (!at_once) {
    rows.push_back(cells({"outside of operations", 1, profile.seconds - profile.inside()}, total, peaks));
    rows.back()[1].clear();
  }
  const std::vector<std::string> header{"operation", "calls", "seconds", "share", "rate", "of the peak"};
  return genrec::text_table(header, rows) +
         fmt::format("{} in all{}; peaks of this machine: {:.0f} GFLOP/s, {:.1f} GB/s from memory\n",
                     duration_text(profile.seconds), at_once ? ", operations side by side on several threads" : "",
                     machine.operations / 1e9, machine.bytes / 1e9);
}

}  // namespace cli
