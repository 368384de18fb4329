// Charts, tables and pages.
#include "genrec/html.h"

#include <cmath>

#include "genrec/text_table.h"
#include "tests/catch.h"

using namespace genrec;
using Catch::Matchers::Contains;

TEST_CASE("axis ticks are round and cover the range", "[html]") {
  CHECK(axis_ticks(0, 10) == std::vector<double>{0, 2, 4, 6, 8, 10});
  const auto small = axis_ticks(0.013, 0.041);
  CHECK(small.front() <= 0.013);
  CHECK(small.back() >= 0.041);
  CHECK(small[1] - small[0] == Approx(0.01));
  CHECK(axis_ticks(3, 3).size() >= 2);
  CHECK(axis_ticks(0, 0).front() < axis_ticks(0, 0).back());
  CHECK(axis_ticks(1, 0).size() >= 2);  // nothing to show
  for (double tick : axis_ticks(-1e9, 1e9)) CHECK(std::isfinite(tick));
}

TEST_CASE("text is escaped", "[html]") {
  CHECK(html_escape("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  HtmlPage page("<t>");
  page.heading("<h>");
  page.paragraph("<p>");
  const std::vector<std::string> header = {"<x>"};
  const std::vector<std::vector<std::string>> rows = {{"<y>"}};
  page.add(html_table(header, rows));
  const std::string html = page.str();
  for (const char* raw : {"<t>", "<h>", "<x>", "<y>"}) CHECK(html.find(raw) == std::string::npos);
  CHECK_THAT(html, Contains("<h1>&lt;t&gt;</h1>") && Contains("<td>&lt;y&gt;</td>"));
  CHECK(html.find("http") == std::string::npos);  // nothing from outside
}

TEST_CASE("charts draw what is finite", "[html]") {
  const std::vector<Series> series = {{"loss", {0, 1, 2, 3}, {4, NAN, 2, 1}}, {"empty", {}, {}}};
  const std::string chart = line_chart({"Loss", "step", "value"}, series);
  CHECK_THAT(chart, Contains("loss</text>") && Contains("aria-label=\"Loss\""));
  CHECK(chart.find("nan") == std::string::npos);
  CHECK(std::count(chart.begin(), chart.end(), 'L') >= 2);
  const std::string bars = bar_chart({"Codes", "code", "items"}, std::vector<double>{3, 0, 5});
  CHECK(std::count(bars.begin(), bars.end(), 'Z') == 2);                                 // no bar for 0
  CHECK_THAT(bars, Contains(">0</text>") && Contains(">2</text>") && !Contains("0.5"));  // ticks at whole codes only
  CHECK_THAT(bar_chart({"", "", ""}, {}), Contains("</svg>"));
  CHECK_THAT(line_chart({"", "", ""}, {}), Contains("</svg>"));
}

TEST_CASE("logarithmic axes", "[html]") {
  CHECK(log_ticks(0.02, 300) == std::vector<double>{0.01, 0.1, 1, 10, 100, 1000});
  CHECK(log_ticks(10, 10).size() == 2);
  CHECK(log_ticks(1, 0).size() >= 2);  // nothing to show
  const std::vector<Series> series = {{"time", {0, 10, 100, 1000}, {1, 1, 10, 100}}};
  const std::string chart = line_chart({.title = "t", .x = "x", .y = "y", .log = true}, series);
  CHECK_THAT(chart, Contains("M62.0 200.0L345.0 115.0L628.0 30.0\""));  // a straight line; no logarithm of 0
  CHECK_THAT(svg_file(chart), Contains("<svg xmlns=\"http://www.w3.org/2000/svg\"") && Contains("</svg>"));
}

TEST_CASE("text and Markdown tables", "[html]") {
  const std::vector<std::string> header = {"run", "a"};
  const std::vector<std::vector<std::string>> rows = {{"x", "1 ± 2"}, {"long|er", "3"}};
  CHECK(text_table(header, rows) == "run          a\nx        1 ± 2\nlong|er      3\n");
  CHECK(markdown_table(header, rows) == "| run | a |\n|---|---:|\n| x | 1 ± 2 |\n| long\\|er | 3 |\n");
}
