// Tables for people: columns aligned with spaces, or Markdown. The first column is aligned left, the others right.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace genrec {

std::string text_table(std::span<const std::string> header, std::span<const std::vector<std::string>> rows);
std::string markdown_table(std::span<const std::string> header, std::span<const std::vector<std::string>> rows);

}  // namespace genrec
