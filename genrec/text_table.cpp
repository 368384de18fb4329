#include "genrec/text_table.h"

#include <algorithm>

namespace genrec {

namespace {

// Characters, not bytes: continuation bytes of UTF-8 take no room.
size_t width_of(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

void add_line(std::string& out, const std::vector<size_t>& widths, std::span<const std::string> row) {
  const size_t begin = out.size();
  for (size_t c = 0; c < row.size(); ++c) {
    const std::string padding(widths[c] - width_of(row[c]), ' ');
    out += c == 0 ? row[c] + padding : "  " + padding + row[c];
  }
  out.erase(out.find_last_not_of(' ', out.size()) + 1);
  if (out.size() < begin) out.resize(begin);
  out += '\n';
}

std::string markdown_row(std::span<const std::string> row) {
  std::string out = "|";
  for (const std::string& cell : row) {
    out += ' ';
    for (char c : cell) out += c == '|' ? std::string("\\|") : std::string(1, c);
    out += " |";
  }
  return out + "\n";
}

}  // namespace

std::string text_table(std::span<const std::string> header, std::span<const std::vector<std::string>> rows) {
  std::vector<size_t> widths;
  for (const std::string& cell : header) widths.push_back(width_of(cell));
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string out;
  add_line(out, widths, header);
  for (const auto& row : rows) add_line(out, widths, row);
  return out;
}

std::string markdown_table(std::span<const std::string> header, std::span<const std::vector<std::string>> rows) {
  std::string out = markdown_row(header) + "|---|";
  for (size_t c = 1; c < header.size(); ++c) out += "---:|";
  out += "\n";
  for (const auto& row : rows) out += markdown_row(row);
  return out;
}

}  // namespace genrec
