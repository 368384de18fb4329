#include "genrec/data/lcrec.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "genrec/data/id_map.h"
#include "genrec/data/json_text.h"
#include "genrec/log.h"
#include "tensor/error.h"

namespace genrec {

using nlohmann::json;
using tensor::Fault;
using tensor::require;

namespace {


bool parse_number_of(std::string_view text, int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 && number <= INT32_MAX;
}

// Which raw id each number stands for.
class NumberMap {
 public:
  NumberMap(const std::string& path, const char* what) : path_(path), what_(what) {
    if (path.empty()) return;
    LineReader lines(path);
    for (std::string_view line; lines.next(line);)
      if (!line.empty()) read(line, lines.place());
    require(Fault::bad_data, raw_.size() > 0, path, ": is empty, expected lines of raw id, tab, number; check the file");
  }
  bool given() const { return !path_.empty(); }
  int64_t size() const { return raw_.size(); }
  const std::string& path() const { return path_; }

  // The id of a number; the number itself without a map.
  std::string_view id(int64_t number, const std::string& place) const {
    const auto found = index_.find(number);
    require(Fault::bad_data, found != index_.end(), place, ": ", what_, " ", number, " is not in ", path_,
            "; give the map that belongs to this file");
    return raw_.ids()[found->second];
  }

 private:
  void read(std::string_view line, const std::string& place) {
    const size_t tab = line.rfind('\t');
    int64_t number = 0;
    require(Fault::bad_data, tab != std::string_view::npos && tab > 0 && parse_number_of(line.substr(tab + 1), number), place,
            ": is '", line.substr(0, 60), "', expected a raw id, a tab and a number from 0; mend the line");
    const std::string_view raw = line.substr(0, tab);
    require(Fault::bad_data, raw.size() <= kLongestId && is_utf8(raw), place, ": ", what_,
            " id is no UTF-8 text of at most 1024 bytes; mend the line");
    const uint32_t next = raw_.size();
    require(Fault::bad_data, raw_.add(raw) == next, place, ": ", what_, " '", raw, "' stands twice; keep one line");
    require(Fault::bad_data, index_.emplace(number, next).second, place, ": number ", number, " stands twice; keep one line");
  }

  std::string path_;
  const char* what_;
  IdMap raw_;
  std::unordered_map<int64_t, uint32_t> index_;
};

// Receives the values of X.inter.json one by one, so that the file is never a tree in memory.
class InteractionsReader : public nlohmann::json_sax<json> {
 public:
  InteractionsReader(const std::string& path, const NumberMap& users, const NumberMap& items, InteractionLog& log)
      : path_(path), users_(users), items_(items), log_(log) {}

  bool start_object(size_t) override { return depth_++ == 0 ? true : fail_value("an object"); }
  bool end_object() override { return --depth_, true; }
  bool key(string_t& text) override {
    user_ = text;
    const std::string place = tensor::join(path_, ": user '", user_, "'");
    std::string_view id = user_;
    int64_t number = 0;
    require(Fault::bad_data, !id.empty() && id.size() <= kLongestId, place, ": expected a key of 1 to 1024 bytes; mend it");
    if (users_.given()) {
      require(Fault::bad_data, parse_number_of(id, number), place, ": is no number from 0, but ", users_.path(),
              " maps numbers; mend the key, or leave out --user-map");
      id = users_.id(number, place);
      log_.user_numbers.push_back(number);
    }
    const uint32_t next = log_.user_ids.size();
    require(Fault::bad_data, log_.user_ids.add(id) == next, place, ": stands twice; keep one list per user");
    if (next % 4096 == 0) stage_.update(static_cast<int64_t>(log_.size()));
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 1 || in_list_) fail_value("a list");
    return in_list_ = true;
  }
  bool end_array() override { return in_list_ = false, count_ = 0, true; }
  bool number_unsigned(number_unsigned_t value) override {
    if (!in_list_) fail_value(std::to_string(value));
    ++count_;
    require(Fault::bad_data, value <= INT32_MAX, place(), ": is ", value, ", expected a number up to ", INT32_MAX, "; mend it");
    require(Fault::bad_data, log_.size() < UINT32_MAX - 1, place(), ": more than ", UINT32_MAX - 1,
            " interactions; split the data");
    log_.users.push_back(log_.user_ids.size() - 1);
    log_.items.push_back(item(static_cast<int64_t>(value)));
    log_.splits.push_back(InteractionLog::kNoSplit);
    return true;
  }
  bool number_integer(number_integer_t value) override { return ++count_, fail_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return ++count_, fail_value(text); }
  bool string(string_t& text) override { return ++count_, fail_value(tensor::join("'", text.substr(0, 40), "'")); }
  bool binary(binary_t&) override { return fail_value("binary"); }
  bool null() override { return ++count_, fail_value("null"); }
  bool boolean(bool value) override { return ++count_, fail_value(value ? "true" : "false"); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail_json(path_, error.what());
  }

 private:
  std::string place() const {
    if (depth_ == 0) return path_ + ":1";
    return tensor::join(path_, ": user '", user_, "'", in_list_ ? tensor::join(", item ", count_, " of the list") : std::string());
  }
  [[noreturn]] bool fail_value(const std::string& found) {
    tensor::fail(Fault::bad_data, place(), ": is ", found, ", expected ",
                 depth_ == 0 ? "an object" : in_list_ ? "an item number from 0" : "a list of item numbers", "; mend the file");
  }
  uint32_t item(int64_t number) {
    const auto [found, fresh] = item_of_.try_emplace(number, 0);
    if (fresh) {
      found->second = log_.item_ids.add(items_.given() ? items_.id(number, place()) : std::string_view(std::to_string(number)));
      if (items_.given()) log_.item_numbers.push_back(number);
    }
    return found->second;
  }

  const std::string& path_;
  const NumberMap& users_;
  const NumberMap& items_;
  InteractionLog& log_;
  Stage stage_{"read " + path_};
  std::unordered_map<int64_t, uint32_t> item_of_;
  std::string user_;
  int64_t count_ = 0;
  int depth_ = 0;
  bool in_list_ = false;
};

void warn_unused(const NumberMap& map, uint32_t used, const char* what, std::vector<std::string>& warnings) {
  if (map.given() && map.size() > used)
    warnings.push_back(tensor::join(map.path(), ": ", map.size() - used, " of ", map.size(), " ", what,
                                    " have no interaction and are left out"));
}

std::string member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? "" : json_text(*found);
}

}  // namespace

bool is_lcrec(const std::string& path, TableKind kind) {
  if (is_gzip(path)) return false;
  const bool interactions = kind == TableKind::interactions;
  if (path.ends_with(interactions ? ".inter.json" : ".item.json")) return true;
  std::ifstream file(path, std::ios::binary);
  char c = 0;
  const auto next_is = [&](char expected) { return file >> std::ws >> c && c == expected; };
  if (!next_is('{') || !next_is('"')) return false;
  std::string key;
  while (file.get(c) && c >= '0' && c <= '9' && key.size() < 20) key += c;
  return !key.empty() && c == '"' && next_is(':') && next_is(interactions ? '[' : '{');
}

Schema lcrec_schema(const std::string& path, TableKind kind) {
  require(Fault::bad_data, !is_gzip(path), path, ": is compressed, which the lcrec form never is; unpack it");
  Schema schema;
  schema.path = path, schema.kind = kind, schema.format = TableFormat::lcrec;
  if (kind == TableKind::interactions) {
    schema.columns = {{"key", Role::user, false}, {"list", Role::item, true}};
    schema.line_order = true;
  } else {
    schema.columns = {{"key", Role::item, true}, {"title", Role::title, false}, {"brand", Role::text, false},
                      {"categories", Role::text, false}, {"description", Role::text, false}};
  }
  return schema;
}

InteractionLog read_lcrec_interactions(const Schema& schema, const std::string& user_map, const std::string& item_map,
                                       std::vector<std::string>& warnings) {
  const NumberMap users(user_map, "user"), items(item_map, "item");
  InteractionLog log;
  log.line_order = true;
  InteractionsReader reader(schema.path, users, items, log);
  std::ifstream file(schema.path, std::ios::binary);
  json::sax_parse(file, &reader);
  require(Fault::bad_data, log.size() > 0, schema.path, ": holds no interactions; check the file");
  warn_unused(users, log.user_ids.size(), "users", warnings);
  warn_unused(items, log.item_ids.size(), "items", warnings);
  return log;
}

ItemTexts read_lcrec_texts(const Schema& schema, const std::vector<uint32_t>& numbers, const InteractionLog& log) {
  std::unordered_map<std::string, size_t> place_of;  // by key
  for (size_t i = 0; i < numbers.size(); ++i) {
    const uint32_t item = numbers[i];
    place_of.emplace(log.item_numbers.empty() ? log.item_ids.ids()[item] : std::to_string(log.item_numbers[item]), i);
  }
  json root;
  try {
    std::ifstream file(schema.path, std::ios::binary);
    root = json::parse(file);
  } catch (const json::exception& error) {
    fail_json(schema.path, error.what());
  }
  require(Fault::bad_data, root.is_object(), schema.path, ":1: is ", root.type_name(), ", expected an object; mend the file");
  ItemTexts result{std::vector<std::string>(numbers.size()), std::vector<std::string>(numbers.size())};
  for (const auto& [key, value] : root.items()) {
    require(Fault::bad_data, value.is_object(), schema.path, ": item '", key, "': is ", value.type_name(),
            ", expected an object with a title; mend the file");
    const auto found = place_of.find(key);
    if (found == place_of.end()) continue;
    result.titles[found->second] = member(value, "title");
    std::string& text = result.texts[found->second];
    for (const char* name : {"brand", "categories", "description"}) {
      const std::string part = member(value, name);
      if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    }
  }
  return result;
}

}  // namespace genrec
