// The text form of item identifiers: reading and writing.
#include <charconv>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include "genrec/identifiers.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr std::string_view kSizes = "# sizes";

std::vector<std::string_view> split_tabs(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  std::vector<std::string_view> fields;
  for (size_t begin = 0;;) {
    const size_t end = line.find('\t', begin);
    fields.push_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return fields;
    begin = end + 1;
  }
}

int32_t number(std::string_view text, const std::string& place) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(Fault::bad_data, error == std::errc{} && end == text.data() + text.size() && value >= 0, place, ": '", text,
          "' is not a code; write whole numbers from 0");
  return value;
}

// The lines of a file, with their numbers.
struct Lines {
  std::string path;
  std::istringstream text;
  std::string line;
  int64_t number = 0;

  bool next() { return ++number, static_cast<bool>(std::getline(text, line)); }
  std::string place() const { return tensor::join(path, ":", number); }
};

void read_header(Lines& lines, ItemIdentifiers& identifiers) {
  lines.next();
  auto fields = split_tabs(lines.line);
  require(Fault::bad_data, fields.size() >= 2 && fields[0] == kSizes, lines.place(), ": the first line must be '", kSizes,
          "' and the number of codes of each level, separated by tabs; it is '", lines.line, "'");
  for (size_t i = 1; i < fields.size(); ++i) identifiers.sizes.push_back(number(fields[i], lines.place()));
  identifiers.levels = static_cast<int>(identifiers.sizes.size());
  lines.next();
  fields = split_tabs(lines.line);
  require(Fault::bad_data, fields.size() == identifiers.sizes.size() + 1 && fields[0] == "item", lines.place(),
          ": expected the column names 'item' and one per level, ", identifiers.levels, " in all; found '", lines.line, "'");
  identifiers.popularity = fields.back() == "p";
}

}  // namespace

std::string identifiers_text(const ItemIdentifiers& identifiers, std::span<const std::string> item_ids) {
  tensor::check(static_cast<int64_t>(item_ids.size()) == identifiers.items(), item_ids.size(), " ids for ",
                identifiers.items(), " items");
  std::ostringstream file;
  const int semantic = identifiers.semantic_levels();
  file << kSizes;
  for (int32_t size : identifiers.sizes) file << '\t' << size;
  file << "\nitem";
  for (int level = 0; level < semantic; ++level) file << "\tc" << level;
  file << (identifiers.popularity ? "\tp\n" : "\n");
  for (int64_t item = 0; item < identifiers.items(); ++item) {
    file << item_ids[item];
    for (int level = 0; level < identifiers.levels; ++level) file << '\t' << identifiers[item][level] + (level == semantic);
    file << '\n';
  }
  return file.str();
}

void write_identifiers(const std::string& path, const ItemIdentifiers& identifiers, std::span<const std::string> item_ids) {
  tensor::write_file_atomically(path, identifiers_text(identifiers, item_ids));
}

ItemIdentifiers read_identifiers(const std::string& path, std::span<const std::string> item_ids) {
  Lines lines{.path = path, .text = std::istringstream(tensor::read_file(path)), .line = {}};
  ItemIdentifiers identifiers;
  read_header(lines, identifiers);
  const int levels = identifiers.levels, semantic = identifiers.semantic_levels();
  std::unordered_map<std::string_view, int64_t> index;
  for (size_t item = 0; item < item_ids.size(); ++item) index.emplace(item_ids[item], item);
  identifiers.codes.assign(item_ids.size() * levels, -1);
  while (lines.next()) {
    const auto fields = split_tabs(lines.line);
    require(Fault::bad_data, static_cast<int>(fields.size()) == levels + 1, lines.place(), ": ", fields.size(),
            " columns, expected ", levels + 1, "; separate them by one tab");
    const auto found = index.find(fields[0]);
    require(Fault::bad_data, found != index.end(), lines.place(), ": item '", fields[0],
            "' is not in the data set; use the identifiers made from this data");
    int32_t* codes = identifiers.codes.data() + found->second * levels;
    require(Fault::bad_data, codes[0] < 0, lines.place(), ": item '", fields[0], "' stands twice; keep one line");
    for (int level = 0; level < levels; ++level) {
      codes[level] = number(fields[level + 1], lines.place()) - (level == semantic);
      require(Fault::bad_data, codes[level] >= 0 && codes[level] < identifiers.sizes[level], lines.place(), ": code ",
              fields[level + 1], " of level ", level, " does not fit its size ", identifiers.sizes[level],
              "; correct one of them");
    }
  }
  for (size_t item = 0; item < item_ids.size(); ++item) {
    require(Fault::bad_data, identifiers.codes[item * levels] >= 0, path, ": item '", item_ids[item],
            "' has no line; use the identifiers made from this data");
  }
  return identifiers;
}

}  // namespace genrec
