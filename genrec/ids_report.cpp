#include "genrec/ids_report.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "genrec/text_table.h"

namespace genrec {

namespace {

std::string level_name(const IdentifierUsage& usage, size_t level) {
  return static_cast<int>(level) < usage.semantic_levels ? fmt::format("level {}", level) : "popularity";
}

const std::vector<std::string> kUsageHeader = {
    "", "codes", "used", "perplexity", "entropy (bits)", "of the largest", "adds (bits)", "top code", "Gini"};

std::vector<std::vector<std::string>> usage_rows(const IdentifierUsage& usage) {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < usage.levels.size(); ++i) {
    const LevelUsage& level = usage.levels[i];
    rows.push_back({level_name(usage, i), fmt::format("{}", level.size), fmt::format("{}", level.used),
                    fmt::format("{:.1f}", level.perplexity), fmt::format("{:.3f}", level.entropy),
                    fmt::format("{:.1f} %", 100 * level.entropy_ratio), fmt::format("{:.3f}", level.conditional_entropy),
                    fmt::format("{:.2f} %", 100 * level.top_share), fmt::format("{:.3f}", level.gini)});
  }
  return rows;
}

std::vector<std::string> purity_header(const IdentifierReport& report) {
  std::vector<std::string> header = {"neighbours in", "items"};
  size_t depths = 0;
  for (const NeighbourPurity& each : report.purity) depths = std::max(depths, each.purity.size());
  for (size_t depth = 1; depth <= depths; ++depth) header.push_back(fmt::format("first {} (random)", depth));
  return header;
}

std::vector<std::vector<std::string>> purity_rows(const IdentifierReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const NeighbourPurity& each : report.purity) {
    rows.push_back({each.against, fmt::format("{}", each.samples)});
    for (size_t d = 0; d < each.purity.size(); ++d) {
      rows.back().push_back(fmt::format("{:.2f} % ({:.2f} %)", 100 * each.purity[d], 100 * each.expected[d]));
    }
  }
  return rows;
}

std::string collision_sentence(const IdentifierUsage& usage) {
  return fmt::format("{} items, {} code tuples; {} items ({:.2f} %) share theirs with another, the largest group has {}.",
                     usage.items, usage.groups, usage.colliding_items, 100 * usage.colliding_share(), usage.largest_group);
}

}  // namespace

std::string report_text(const IdentifierReport& report) {
  std::string out = collision_sentence(report.usage) + "\n\n" + text_table(kUsageHeader, usage_rows(report.usage));
  if (!report.purity.empty()) {
    out += "\nNearest neighbours with the same first codes, and what random items would give:\n";
    out += text_table(purity_header(report), purity_rows(report));
  }
  for (const std::string& warning : report.usage.warnings) out += "\nwarning: " + warning + "\n";
  return out;
}

std::string report_json(const IdentifierReport& report) {
  using Json = nlohmann::ordered_json;
  const IdentifierUsage& usage = report.usage;
  Json json = {{"items", usage.items},
               {"code_tuples", usage.groups},
               {"largest_group", usage.largest_group},
               {"colliding_items", usage.colliding_items},
               {"colliding_share", usage.colliding_share()},
               {"group_sizes", usage.group_sizes}};
  json["levels"] = Json::array();
  for (size_t i = 0; i < usage.levels.size(); ++i) {
    const LevelUsage& level = usage.levels[i];
    json["levels"].push_back({{"name", level_name(usage, i)},
                              {"codes", level.size},
                              {"used", level.used},
                              {"entropy_bits", level.entropy},
                              {"entropy_ratio", level.entropy_ratio},
                              {"perplexity", level.perplexity},
                              {"conditional_entropy_bits", level.conditional_entropy},
                              {"top_share", level.top_share},
                              {"gini", level.gini},
                              {"counts", level.counts}});
  }
  json["neighbour_purity"] = Json::array();
  for (const NeighbourPurity& each : report.purity) {
    json["neighbour_purity"].push_back(
        {{"against", each.against}, {"items", each.samples}, {"purity", each.purity}, {"random", each.expected}});
  }
  json["warnings"] = usage.warnings;
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string report_html(const IdentifierReport& report, std::string_view title, std::span<const LossPlot> losses) {
  const IdentifierUsage& usage = report.usage;
  HtmlPage page(title);
  page.paragraph(collision_sentence(usage));
  for (const std::string& warning : usage.warnings) page.paragraph("Warning: " + warning + ".");
  page.heading("Use of the codes");
  page.add(html_table(kUsageHeader, usage_rows(usage)));
  for (size_t i = 0; i < usage.levels.size(); ++i) {
    const std::vector<double> counts(usage.levels[i].counts.begin(), usage.levels[i].counts.end());
    page.add(bar_chart({level_name(usage, i), "code", "items"}, counts));
  }
  if (usage.largest_group > 1) {
    page.heading("Collisions");
    const std::vector<double> sizes(usage.group_sizes.begin(), usage.group_sizes.end());
    page.add(bar_chart({"items that share one code tuple", "items in the group", "groups"}, sizes));
  }
  if (!report.purity.empty()) {
    page.heading("Neighbour purity");
    page.paragraph(
        "The share of an item's nearest neighbours that have the same first codes; in brackets what random items give.");
    page.add(html_table(purity_header(report), purity_rows(report)));
  }
  if (!losses.empty()) page.heading("Training");
  for (const LossPlot& plot : losses) page.add(line_chart(plot.labels, plot.series));
  return page.str();
}

}  // namespace genrec
