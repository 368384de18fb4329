#include "genrec/data/table.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "genrec/data/json_text.h"
#include "tensor/error.h"

namespace genrec {

using nlohmann::json;
using tensor::Fault;
using tensor::require;

namespace {

constexpr size_t kLongestRecord = 16 << 20;

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

std::string separator_name(std::string_view separator) {
  if (separator == "\t") return "tab";
  if (separator == " ") return "space";
  std::string shown = "'";
  shown.append(separator).append("'");
  return shown;
}

}  // namespace

const char* name_of(TableFormat format) {
  static constexpr const char* kNames[] = {"auto",  "csv",            "tsv",          "jsonl",    "recbole",
                                           "mmrec", "movielens-100k", "movielens-1m", "movielens", "lcrec"};
  return kNames[static_cast<int>(format)];
}

const char* name_of(Role role) {
  static constexpr const char* kNames[] = {"-", "user", "item", "rating", "time", "order", "split", "title", "text"};
  return kNames[static_cast<int>(role)];
}

int Schema::find(Role role) const {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].role == role) return static_cast<int>(i);
  return -1;
}

std::vector<std::string> describe(const Schema& schema) {
  std::string head = tensor::join(schema.path, ": ", name_of(schema.format));
  if (!schema.separator.empty()) head += ", separated by " + separator_name(schema.separator);
  if (schema.format == TableFormat::lcrec) head += ", one JSON object";
  else if (schema.format != TableFormat::jsonl) head += schema.header ? ", with a header" : ", without a header";
  if (schema.compressed) head += ", gzip";
  std::vector<std::string> lines = {head};
  size_t width = 0;
  for (const TableColumn& column : schema.columns) width = std::max(width, column.name.size());
  constexpr size_t kShown = 12;
  for (size_t i = 0; i < schema.columns.size() && i < kShown; ++i) {
    const TableColumn& column = schema.columns[i];
    const char* role = schema.kind == TableKind::features && column.role == Role::none ? "feature" : name_of(column.role);
    lines.push_back("  " + column.name + std::string(width - column.name.size(), ' ') + "  -> " + role +
                    (column.numeric ? "  (number)" : "  (text)"));
  }
  if (schema.columns.size() > kShown) lines.push_back(tensor::join("  and ", schema.columns.size() - kShown,
      " more columns"));
  if (schema.line_order)
    lines.push_back(schema.format == TableFormat::lcrec ? "  place in the list -> order" : "  the order of the lines -> order");
  for (const std::string& line : schema.notes) lines.push_back("  " + line);
  return lines;
}

bool split_fields(std::string_view record, std::string_view separator, bool quotes, std::vector<std::string_view>& fields,
                  std::vector<size_t>& offsets, std::deque<std::string>& unquoted) {
  fields.clear();
  offsets.clear();
  unquoted.clear();
  for (size_t at = 0;;) {
    offsets.push_back(at);
    if (quotes && at < record.size() && record[at] == '"') {
      std::string& text = unquoted.emplace_back();
      for (++at;; ++at) {
        if (at >= record.size()) return false;
        if (record[at] != '"') {
          text += record[at];
        } else if (at + 1 < record.size() && record[at + 1] == '"') {
          text += record[at++];
        } else {
          break;
        }
      }
      const size_t end = std::min(record.find(separator, ++at), record.size());
      text.append(record.substr(at, end - at));  // what follows the closing quote belongs to the field
      fields.push_back(text);
      at = end;
    } else {
      const size_t end = separator.size() == 1 ? record.find(separator[0], at) : record.find(separator, at);
      const size_t stop = std::min(end, record.size());
      fields.push_back(record.substr(at, stop - at));
      at = stop;
    }
    if (at >= record.size()) return true;
    at += separator.size();
  }
}

bool parse_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

TableReader::TableReader(const Schema& schema) : schema_(schema), lines_(schema.path) {
  if (!schema.header) return;
  std::string_view line;
  std::vector<std::string_view> fields;
  while (lines_.next(line))
    if (!is_blank(line)) break;
}

bool TableReader::next() {
  std::string_view line;
  do {
    if (!lines_.next(line)) return false;
  } while (is_blank(line));
  first_line_ = lines_.number();
  if (schema_.format == TableFormat::jsonl) {
    split_json(line);
    return true;
  }
  const bool quotes = schema_.format == TableFormat::csv || schema_.format == TableFormat::movielens_csv;
  if (!split_fields(line, schema_.separator, quotes, fields_, offsets_, unquoted_)) {
    record_.assign(line);
    do {
      require(Fault::bad_data, record_.size() < kLongestRecord && lines_.next(line), lines_.path(), ":", first_line_, ":",
              offsets_.back() + 1, ": a quoted field begins here and never ends; close the quote or double it");
      record_.append("\n").append(line);
    } while (!split_fields(record_, schema_.separator, quotes, fields_, offsets_, unquoted_));
  }
  if (fields_.size() != schema_.columns.size()) [[unlikely]] {
    std::string names;
    for (size_t i = 0; i < schema_.columns.size() && i < 10; ++i) names += (i == 0 ? "" : ", ") + schema_.columns[i].name;
    tensor::fail(Fault::bad_data, lines_.path(), ":", first_line_, ":", offsets_.back() + 1, ": has ", fields_.size(),
        " field",
                 fields_.size() == 1 ? "" : "s", ", expected ", schema_.columns.size(), " (", names,
                 schema_.columns.size() > 10 ? ", .." : "", ") separated by ", separator_name(schema_.separator),
                 "; mend the line");
  }
  return true;
}

void TableReader::split_json(std::string_view line) {
  json record;
  try {
    record = is_python_dict(line) ? json::parse(json_of_python(line)) : json::parse(line.begin(), line.end());
  } catch (const json::exception& error) {
    tensor::fail(Fault::bad_data, place(), ": is not a JSON object (", error.what(), "); give one object per line");
  }
  require(Fault::bad_data, record.is_object(), place(), ": is JSON but not an object; give one object per line");
  fields_.assign(schema_.columns.size(), {});
  offsets_.assign(schema_.columns.size(), 0);
  unquoted_.clear();
  for (size_t i = 0; i < schema_.columns.size(); ++i) {
    if (schema_.columns[i].role == Role::none && schema_.kind != TableKind::features) continue;
    const auto found = record.find(schema_.columns[i].name);
    if (found != record.end()) fields_[i] = unquoted_.emplace_back(json_text(*found));
  }
}

std::string TableReader::place() const { return tensor::join(lines_.path(), ":", first_line_); }

std::string TableReader::place(int column) const {
  if (schema_.format == TableFormat::jsonl) return place();
  return tensor::join(place(), ":", offsets_[column] + 1);
}

}  // namespace genrec
