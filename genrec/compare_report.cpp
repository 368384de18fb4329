// The comparison as a table for people and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "genrec/compare.h"
#include "genrec/text_table.h"

namespace genrec {

namespace {

std::string value_text(const ComparisonCell& cell) {
  if (cell.per_seed.size() < 2) return fmt::format("{:.4f}", cell.mean);
  return fmt::format("{:.4f} ± {:.4f}", cell.mean, cell.deviation);
}

std::string p_text(double p) { return p < 1e-4 ? "<0.0001" : fmt::format("{:.4f}", p); }

std::vector<std::string> difference_row(const Comparison& comparison, size_t run, size_t metric, bool seeds) {
  const ComparisonCell& cell = comparison.at(run, metric);
  std::vector<std::string> row = {comparison.runs[run],
                                  comparison.metrics[metric],
                                  fmt::format("{:+.4f}", cell.difference),
                                  fmt::format("[{:+.4f}, {:+.4f}]", cell.interval.low, cell.interval.high),
                                  p_text(cell.t_p),
                                  p_text(cell.wilcoxon_p)};
  if (seeds) row.push_back(cell.per_seed.size() < 2 ? "" : p_text(cell.seeds_p));
  return row;
}

}  // namespace

std::string comparison_table(const Comparison& comparison, TableStyle format) {
  const auto table = format == TableStyle::text ? text_table : markdown_table;
  size_t most_seeds = 0;
  std::vector<std::string> header = {"run", "seeds"};
  header.insert(header.end(), comparison.metrics.begin(), comparison.metrics.end());
  std::vector<std::vector<std::string>> values, differences;
  for (size_t run = 0; run < comparison.runs.size(); ++run) {
    const size_t seeds = comparison.at(run, 0).per_seed.size();
    most_seeds = std::max(most_seeds, seeds);
    values.push_back({comparison.runs[run], fmt::format("{}", seeds)});
    for (size_t m = 0; m < comparison.metrics.size(); ++m) values.back().push_back(value_text(comparison.at(run, m)));
  }
  std::string out = table(header, values);
  if (comparison.runs.size() < 2) return out;
  header = {"run",   "metric",      "difference", fmt::format("{:.4g} % interval", 100 * comparison.confidence),
            "p (t)", "p (Wilcoxon)"};
  if (most_seeds > 1) header.push_back("p (seeds)");
  for (size_t run = 0; run < comparison.runs.size(); ++run) {
    for (size_t m = 0; m < comparison.metrics.size() && run != comparison.reference; ++m) {
      differences.push_back(difference_row(comparison, run, m, most_seeds > 1));
    }
  }
  out += fmt::format("\nDifferences to {} over {} users; p-values paired per user, Holm-corrected.\n\n",
                     comparison.runs[comparison.reference], comparison.users);
  return out + table(header, differences);
}

std::string comparison_json(const Comparison& comparison) {
  using Json = nlohmann::ordered_json;
  Json json = {{"users", comparison.users},
               {"reference", comparison.runs[comparison.reference]},
               {"confidence", comparison.confidence},
               {"runs", Json::array()}};
  for (size_t run = 0; run < comparison.runs.size(); ++run) {
    Json metrics = Json::object();
    for (size_t m = 0; m < comparison.metrics.size(); ++m) {
      const ComparisonCell& cell = comparison.at(run, m);
      Json entry = {{"mean", cell.mean}, {"deviation", cell.deviation}, {"per_seed", cell.per_seed}};
      if (run != comparison.reference) {
        entry["difference"] = cell.difference;
        entry["interval"] = {cell.interval.low, cell.interval.high};
        entry["p_paired_t"] = cell.t_p;
        entry["p_wilcoxon"] = cell.wilcoxon_p;
        if (cell.per_seed.size() > 1) entry["p_seeds"] = cell.seeds_p;
      }
      metrics[comparison.metrics[m]] = entry;
    }
    json["runs"].push_back({{"name", comparison.runs[run]}, {"metrics", metrics}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace genrec
