// Pieces of one self-contained HTML page: text, tables, line and bar charts as inline SVG. No scripts, no outside files.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace genrec {

std::string html_escape(std::string_view text);

struct Series {
  std::string name;
  std::vector<double> x, y;  // points that are not finite are left out
};

struct ChartLabels {
  std::string title, x, y;
  bool log = false;  // both axes of a line chart; only points above 0 are drawn
};

std::string line_chart(const ChartLabels& labels, std::span<const Series> series);
std::string svg_file(const std::string& chart);  // a chart as a file of its own
std::string bar_chart(const ChartLabels& labels, std::span<const double> values);  // bar i stands at x = i
std::string html_table(std::span<const std::string> header, std::span<const std::vector<std::string>> rows);

class HtmlPage {
 public:
  explicit HtmlPage(std::string_view title);
  void heading(std::string_view text);
  void paragraph(std::string_view text);
  void add(std::string_view html) { body_ += html; }  // a chart or a table
  std::string str() const;

 private:
  std::string title_, body_;
};

// Round numbers that cover [low, high] in about five steps.
std::vector<double> axis_ticks(double low, double high);
std::vector<double> log_ticks(double low, double high);  // powers of ten, 0 < low <= high

}  // namespace genrec
