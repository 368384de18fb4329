#include "genrec/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace genrec {

namespace {

constexpr double kWidth = 640, kHeight = 240, kLeft = 62, kRight = 12, kTop = 30, kBottom = 40;
constexpr const char* kColours[] = {"#2f6db5", "#d1662a", "#3c8f4d", "#8a55a8", "#b8870f", "#b33a4b"};
constexpr size_t kColourCount = std::size(kColours);

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;margin:.5rem 0}"
    "th,td{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}"
    "svg{display:block;max-width:100%;height:auto;margin:.5rem 0}svg text{font:12px system-ui,sans-serif;fill:#444}"
    "svg .title{font-size:13px;font-weight:600;fill:#222}";

// Maps data to the plotting area and draws its frame.
struct Frame {
  double x_low = 0, x_high = 1;
  std::vector<double> x_ticks{}, y_ticks{};
  bool log = false;

  double share(double value, double low, double high) const {
    return log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  }
  double x(double value) const { return kLeft + share(value, x_low, x_high) * (kWidth - kLeft - kRight); }
  double y(double value) const {
    return kHeight - kBottom - share(value, y_ticks.front(), y_ticks.back()) * (kHeight - kTop - kBottom);
  }
  bool shows(double x, double y) const { return std::isfinite(x) && std::isfinite(y) && (!log || (x > 0 && y > 0)); }

  std::string open(const ChartLabels& labels) const {
    std::string out = fmt::format(
        "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\">\n"
        "<text class=\"title\" x=\"{3}\" y=\"16\">{2}</text>\n",
        kWidth, kHeight, html_escape(labels.title), kLeft);
    for (double tick : y_ticks) {
      out += fmt::format(
          "<path d=\"M{} {:.1f}H{}\" stroke=\"#e2e2e2\"/><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.6g}</text>\n",
          kLeft, y(tick), kWidth - kRight, kLeft - 6, y(tick) + 4, tick);
    }
    for (double tick : x_ticks) {
      if (tick < x_low || tick > x_high) continue;
      out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>\n", x(tick),
                         kHeight - kBottom + 16, tick);
    }
    out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (kLeft + kWidth - kRight) / 2,
                       kHeight - 6, html_escape(labels.x));
    out += fmt::format("<text x=\"14\" y=\"{0}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {0})\">{1}</text>\n",
                       (kTop + kHeight - kBottom) / 2, html_escape(labels.y));
    return out;
  }
};

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
};

std::string polyline(const Frame& frame, const Series& series, const char* colour) {
  std::string path;
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (!frame.shows(series.x[i], series.y[i])) continue;
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', frame.x(series.x[i]), frame.y(series.y[i]));
  }
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"/>\n", path, colour);
}

}  // namespace

std::string html_escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::vector<double> axis_ticks(double low, double high) {
  if (!(low <= high)) low = 0, high = 1;
  if (high - low < 1e-12 * std::max(1.0, std::abs(high)))
    low -= 0.5 * std::max(1e-6, std::abs(low)), high += 0.5 * std::max(1e-6, std::abs(high));
  const double raw = (high - low) / 5, power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= raw * 0.999) step = factor * power;
  }
  std::vector<double> ticks;
  const auto first = static_cast<int64_t>(std::floor(low / step + 1e-9)),
             last = static_cast<int64_t>(std::ceil(high / step - 1e-9));
  for (int64_t i = first; i <= std::max(last, first + 1); ++i) ticks.push_back(static_cast<double>(i) * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  if (!(low <= high)) low = 1, high = 10;
  const double first = std::floor(std::log10(low) + 1e-9), last = std::ceil(std::log10(high) - 1e-9);
  std::vector<double> ticks;
  for (double power = first; power <= std::max(last, first + 1); ++power) ticks.push_back(std::pow(10, power));
  return ticks;
}

std::string svg_file(const std::string& chart) {
  const size_t name = std::string_view("<svg").size();
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"system-ui,sans-serif\" font-size=\"12\" "
         "style=\"background:#fff\"" + chart.substr(name);
}

std::string line_chart(const ChartLabels& labels, std::span<const Series> series) {
  Extent x, y;
  Frame frame{.log = labels.log};
  for (const Series& each : series) {
    for (size_t i = 0; i < each.x.size(); ++i) {
      if (frame.shows(each.x[i], each.y[i])) x.add(each.x[i]), y.add(each.y[i]);
    }
  }
  const auto ticks = labels.log ? log_ticks : axis_ticks;
  frame.x_ticks = ticks(x.low, x.high), frame.y_ticks = ticks(y.low, y.high);
  frame.x_low = frame.x_ticks.front(), frame.x_high = frame.x_ticks.back();
  std::string out = frame.open(labels);
  double legend = kWidth - kRight;
  for (size_t i = series.size(); i-- > 0;) {
    const char* colour = kColours[i % kColourCount];
    out += polyline(frame, series[i], colour);
    out += fmt::format("<text x=\"{:.1f}\" y=\"16\" text-anchor=\"end\" style=\"fill:{}\">{}</text>\n", legend, colour,
                       html_escape(series[i].name));
    legend -= 7.5 * static_cast<double>(series[i].name.size()) + 14;
  }
  return out + "</svg>\n";
}

std::string bar_chart(const ChartLabels& labels, std::span<const double> values) {
  Extent y;
  y.add(0);
  for (double value : values) y.add(value);
  const double count = static_cast<double>(std::max<size_t>(values.size(), 1));
  std::vector<double> x_ticks = axis_ticks(0, std::max(1.0, count - 1));
  std::erase_if(x_ticks, [](double tick) { return tick != std::floor(tick); });  // there are only whole bars
  const Frame frame{.x_low = -0.5, .x_high = count - 0.5, .x_ticks = x_ticks, .y_ticks = axis_ticks(y.low, y.high)};
  std::string out = frame.open(labels), path;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    const double left = frame.x(static_cast<double>(i) - 0.42), right = frame.x(static_cast<double>(i) + 0.42);
    path += fmt::format("M{:.2f} {:.1f}V{:.1f}H{:.2f}V{:.1f}Z", left, frame.y(0), frame.y(values[i]), right, frame.y(0));
  }
  return out + fmt::format("<path d=\"{}\" fill=\"{}\"/>\n</svg>\n", path, kColours[0]);
}

std::string html_table(std::span<const std::string> header, std::span<const std::vector<std::string>> rows) {
  std::string out = "<table><tr>";
  for (const std::string& cell : header) out += "<th>" + html_escape(cell) + "</th>";
  for (const auto& row : rows) {
    out += "</tr>\n<tr>";
    for (const std::string& cell : row) out += "<td>" + html_escape(cell) + "</td>";
  }
  return out + "</tr></table>\n";
}

HtmlPage::HtmlPage(std::string_view title) : title_(html_escape(title)) {}

void HtmlPage::heading(std::string_view text) { body_ += "<h2>" + html_escape(text) + "</h2>\n"; }

void HtmlPage::paragraph(std::string_view text) { body_ += "<p>" + html_escape(text) + "</p>\n"; }

std::string HtmlPage::str() const {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{0}</title><style>{1}</style></head>\n<body><h1>{0}</h1>\n{2}</body></html>\n",
      title_, kStyle, body_);
}

}  // namespace genrec
