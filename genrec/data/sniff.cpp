// Finding out what a table of text holds, from its name and its first lines.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "genrec/data/json_text.h"
#include "genrec/data/lcrec.h"
#include "genrec/data/table.h"
#include "tensor/error.h"

namespace genrec {

namespace {

using nlohmann::json;
using tensor::Fault;
using tensor::require;
using Fields = std::vector<std::string>;

constexpr size_t kSampleLines = 50;

// Names that are recognised, lower case, the preferred first.
const std::vector<std::string>& known_names(TableKind kind, Role role) {
  static const std::vector<std::string> none, user = {"user_id", "userid", "user", "uid", "reviewerid", "customer_id"},
      item = {"item_id", "itemid", "item", "iid", "movie_id", "movieid", "parent_asin", "asin", "product_id", "video_id",
          "id"},
      rating = {"rating", "ratings", "overall", "score", "stars"},
      time = {"timestamp", "time", "unixreviewtime", "unix_time", "ts"}, order = {"order", "position", "sequence"},
      split = {"split", "x_label"}, title = {"title", "movie_title", "item_title", "name"},
      text = {"text", "description", "genres", "genre", "categories", "category", "class"};
  const bool interactions = kind == TableKind::interactions;
  switch (role) {
    case Role::user: return interactions ? user : none;
    case Role::item: return item;
    case Role::rating: return interactions ? rating : none;
    case Role::time: return interactions ? time : none;
    case Role::order: return interactions ? order : none;
    case Role::split: return interactions ? split : none;
    case Role::title: return kind == TableKind::items ? title : none;
    case Role::text: return kind == TableKind::items ? text : none;
    default: return none;
  }
}

constexpr Role kRoles[] = {Role::user, Role::item, Role::rating, Role::time, Role::order, Role::split, Role::title,
    Role::text};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

bool is_number(const std::string& text) {
  double value;
  return parse_number(text, value);
}

Fields fields_of(const std::string& line, std::string_view separator, bool quotes) {
  std::vector<std::string_view> views;
  std::vector<size_t> offsets;
  std::deque<std::string> unquoted;
  split_fields(line, separator, quotes, views, offsets, unquoted);
  return Fields(views.begin(), views.end());
}

bool is_recbole_header(const Fields& header) {
  return std::all_of(header.begin(), header.end(), [](const std::string& name) {
    const size_t colon = name.rfind(':');
    const std::string type = colon == std::string::npos ? "" : name.substr(colon + 1);
    return type == "token" || type == "token_seq" || type == "float" || type == "float_seq";
  });
}

// The separator that splits every line into the same number of fields, more than one; "" when there is none.
std::string common_separator(const Fields& lines, bool one_column) {
  for (const char* separator : {"\t", ",", ";", "|", " "}) {
    const size_t count = fields_of(lines[0], separator, true).size();
    if (count > 1 && std::all_of(lines.begin(), lines.end(),
                                 [&](const std::string& line) { return fields_of(line, separator, true).size() == count; }))
      return separator;
  }
  // Not all lines agree: take what the first line holds, so that the reader can point at the line that differs.
  for (const char* separator : {"\t", ",", ";", "|"})
    if (lines[0].find(separator) != std::string::npos) return separator;
  return one_column ? "," : "";
}

TableFormat guess_format(const std::string& path, const Fields& lines) {
  std::string name = lower(std::filesystem::path(path).filename().string());
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (lines[0][lines[0].find_first_not_of(" \t")] == '{') return TableFormat::jsonl;
  const Fields tabs = fields_of(lines[0], "\t", false), commas = fields_of(lines[0], ",", true);
  if (is_recbole_header(tabs)) return TableFormat::recbole;
  const auto has = [&](const char* column) { return std::find(tabs.begin(), tabs.end(), column) != tabs.end(); };
  if (has("userID") && has("itemID") && has("x_label")) return TableFormat::mmrec;
  if (fields_of(lines[0], "::", false).size() > 2) return TableFormat::movielens_1m;
  if (commas == Fields{"userId", "movieId", "rating", "timestamp"}) return TableFormat::movielens_csv;
  if (name == "u.data" && tabs.size() == 4) return TableFormat::movielens_100k;
  return tabs.size() > 1 ? TableFormat::tsv : TableFormat::csv;
}

bool looks_like_header(const std::vector<Fields>& rows, TableKind kind, const std::vector<std::string>& roles) {
  for (const std::string& field : rows[0]) {
    for (Role role : kRoles)
      for (const std::string& name : known_names(kind, role))
        if (lower(field) == name) return true;
    for (const std::string& role : roles)
      if (role.substr(role.find('=') + 1) == field && !is_number(field)) return true;
  }
  if (rows.size() < 2) return false;
  for (size_t i = 0; i < std::min(rows[0].size(), rows[1].size()); ++i)
    if (!is_number(rows[0][i]) && is_number(rows[1][i])) return kind == TableKind::interactions || i > 0;
  return false;
}

// Roles of the columns of formats that define them.
std::vector<Role> fixed_roles(TableFormat format, TableKind kind) {
  const bool fixed = format == TableFormat::movielens_1m || format == TableFormat::movielens_100k;
  if (!fixed) return {};
  if (kind == TableKind::items) return {Role::item, Role::title, Role::text};
  return {Role::user, Role::item, Role::rating, Role::time};
}

std::string advice_for(TableKind kind, Role role) {
  if (kind == TableKind::features) return "call the column of the ids item_id";
  return tensor::join("say which with ", kind == TableKind::items ? "--item-columns " : "--columns ", name_of(role),
      "=COLUMN");
}

std::string list_of(const Schema& schema) {
  std::string names;
  for (size_t i = 0; i < schema.columns.size() && i < 10; ++i) {
    if (i > 0) names += ", ";
    names += schema.columns[i].name;
  }
  return schema.columns.size() > 10 ? names + ", .." : names;
}

void override_role(Schema& schema, const std::string& given) {
  const size_t equals = given.find('=');
  const std::string role_name = given.substr(0, equals), column = equals == std::string::npos ? ""
      : given.substr(equals + 1);
  const auto* role = std::find_if(std::begin(kRoles), std::end(kRoles), [&](Role r) { return role_name == name_of(r); });
  require(Fault::usage, role != std::end(kRoles) && !column.empty(), "column role '", given,
          "': expected ROLE=COLUMN with ROLE one of user, item, rating, time, order, split, title, text; mend it");
  int found = -1, number = 0;
  for (size_t i = 0; i < schema.columns.size(); ++i)
    if (schema.columns[i].name == column) found = static_cast<int>(i);
  const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), number);
  if (found < 0 && error == std::errc() && end == column.data() + column.size() && number >= 1 &&
      number <= static_cast<int>(schema.columns.size()))
    found = number - 1;
  if (found < 0 && *role == Role::order && column == "line") {
    schema.line_order = true;
    return;
  }
  require(Fault::usage, found >= 0, schema.path, ": has no column '", column, "' for the role ", role_name,
      "; its columns are ",
          list_of(schema));
  for (TableColumn& other : schema.columns)
    if (other.role == *role) other.role = Role::none;
  schema.columns[found].role = *role;
}

void assign_roles(Schema& schema, const std::vector<std::string>& roles) {
  const std::vector<Role> fixed = fixed_roles(schema.format, schema.kind);
  for (size_t i = 0; i < std::min(fixed.size(), schema.columns.size()); ++i) schema.columns[i].role = fixed[i];
  for (Role role : kRoles) {
    for (const std::string& name : known_names(schema.kind, role)) {
      if (schema.find(role) >= 0) break;
      for (TableColumn& column : schema.columns)
        if (column.role == Role::none && lower(column.name) == name && schema.find(role) < 0) column.role = role;
    }
  }
  if (!schema.header && schema.format != TableFormat::jsonl && fixed.empty()) {
    const bool interactions = schema.kind == TableKind::interactions;
    // Without names only numbers are taken for ids: a header that is not understood must not become a user.
    if (interactions && schema.columns.size() > 1 && schema.columns[0].numeric && schema.columns[1].numeric)
      schema.columns[0].role = Role::user, schema.columns[1].role = Role::item;
    if (!interactions) schema.columns[0].role = Role::item;
    if (schema.kind == TableKind::items && schema.columns.size() > 1) schema.columns[1].role = Role::title;
  }
  for (const std::string& given : roles) override_role(schema, given);
  for (Role role : {Role::user, Role::item}) {
    if (role == Role::user && schema.kind != TableKind::interactions) continue;
    require(Fault::bad_data, schema.find(role) >= 0, schema.path, ":1: no column is the ", name_of(role),
        "; its columns are ",
            list_of(schema), ": ", advice_for(schema.kind, role));
  }
}

void sniff_json(Schema& schema, const Fields& lines) {
  for (const std::string& line : lines) {
    const json record = json::parse(is_python_dict(line) ? json_of_python(line) : line, nullptr, false);
    if (!record.is_object()) continue;  // the reader reports it with its line
    for (const auto& [name, value] : record.items()) {
      const auto same = [&name = name](const TableColumn& column) { return column.name == name; };
      auto found = std::find_if(schema.columns.begin(), schema.columns.end(), same);
      if (found == schema.columns.end()) {
        schema.columns.push_back({name, Role::none, true});
        found = schema.columns.end() - 1;
      }
      found->numeric = found->numeric && value.is_number();
    }
  }
  schema.header = false;
  require(Fault::bad_data, !schema.columns.empty(), schema.path, ":1: is not a JSON object; give one object per line");
}

void sniff_text(Schema& schema, const Fields& lines, const std::vector<std::string>& roles) {
  switch (schema.format) {
    case TableFormat::recbole:
    case TableFormat::mmrec:
    case TableFormat::tsv:
    case TableFormat::movielens_100k: schema.separator = "\t"; break;
    case TableFormat::movielens_1m: schema.separator = "::"; break;
    case TableFormat::movielens_csv: schema.separator = ","; break;
    default: schema.separator = common_separator(lines, schema.kind != TableKind::interactions);
  }
  require(Fault::bad_data, !schema.separator.empty(), schema.path, ":1: is '", lines[0].substr(0, 60),
          "', which no separator (tab, comma, semicolon, bar, space) divides into columns; check the file");
  const bool quotes = schema.format == TableFormat::csv || schema.format == TableFormat::movielens_csv;
  std::vector<Fields> rows;
  for (const std::string& line : lines) rows.push_back(fields_of(line, schema.separator, quotes));
  switch (schema.format) {
    case TableFormat::recbole:
      require(Fault::bad_data, is_recbole_header(rows[0]), schema.path, ":1: header is '", lines[0].substr(0, 60),
              "', expected name:type fields separated by tabs, with type token, token_seq, float or "
              "float_seq; check the file");
      schema.header = true;
      break;
    case TableFormat::mmrec:
    case TableFormat::movielens_csv: schema.header = true; break;
    case TableFormat::movielens_100k:
    case TableFormat::movielens_1m: schema.header = false; break;
    default: schema.header = looks_like_header(rows, schema.kind, roles);
  }
  for (size_t i = 0; i < rows[0].size(); ++i) {
    TableColumn column{schema.header ? rows[0][i] : std::to_string(i + 1), Role::none, rows.size() > (schema.header ? 1u
        : 0u)};
    if (schema.format == TableFormat::recbole) column.name.resize(column.name.rfind(':'));
    for (size_t row = schema.header ? 1 : 0; row < rows.size(); ++row)
      column.numeric = column.numeric && i < rows[row].size() && is_number(rows[row][i]);
    schema.columns.push_back(column);
  }
}

}  // namespace

Schema sniff(const std::string& path, TableKind kind, TableFormat format, const std::vector<std::string>& roles) {
  if (format == TableFormat::lcrec || (format == TableFormat::automatic && kind != TableKind::features && is_lcrec(path, kind))) {
    require(Fault::usage, roles.empty(), path, ": is in the lcrec form, where '", roles.empty() ? "" : roles[0],
            "' has no meaning; leave out the column roles");
    return lcrec_schema(path, kind);
  }
  Schema schema;
  schema.path = path;
  schema.kind = kind;
  schema.compressed = is_gzip(path);
  Fields lines;
  LineReader reader(path);
  for (std::string_view line; lines.size() < kSampleLines && reader.next(line);)
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.emplace_back(line);
  require(Fault::bad_data, !lines.empty(), path, ": is empty, expected a table; check the file");
  schema.format = format == TableFormat::automatic ? guess_format(path, lines) : format;
  if (schema.format == TableFormat::jsonl) sniff_json(schema, lines);
  else sniff_text(schema, lines, roles);
  assign_roles(schema, roles);
  return schema;
}

}  // namespace genrec
