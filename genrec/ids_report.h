// The report on item identifiers that people read: usage of the codes, collisions, neighbour purity, as text, JSON and one
// self-contained HTML page.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "genrec/html.h"
#include "genrec/identifier_usage.h"
#include "genrec/neighbour_purity.h"

namespace genrec {

struct IdentifierReport {
  IdentifierUsage usage;
  std::vector<NeighbourPurity> purity;
};

std::string report_text(const IdentifierReport& report);
std::string report_json(const IdentifierReport& report);

struct LossPlot {
  ChartLabels labels;
  std::vector<Series> series;
};
std::string report_html(const IdentifierReport& report, std::string_view title, std::span<const LossPlot> losses);

}  // namespace genrec
