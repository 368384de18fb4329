// Parsing, ranges, bundles and the TOML text of an option table.
#include "genrec/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/error.h"

namespace genrec {

using tensor::check;
using tensor::fail;
using tensor::Fault;
using tensor::join;
using tensor::require;

namespace {

constexpr double kNoLimit = 1e18;  // a range that ends here or above is shown as open

template <class T>
std::string number_text(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;  // shortest text that reads back to the same value
  return std::string(buffer, end);
}

// Lists are separated by commas. "" is the empty list.
std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  size_t begin = 0;
  for (size_t comma; (comma = text.find(',', begin)) != std::string::npos; begin = comma + 1)
    parts.push_back(text.substr(begin, comma - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

std::string join_list(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i ? "," : "") + parts[i];
  return text;
}

template <class T>
T parse_number(const Option& option, const Assignment& given, const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const auto [stopped, error] = std::from_chars(begin, end, value);
  const char* wanted = std::is_integral_v<T> ? "a whole number" : "a number";
  require(given.fault, error != std::errc::result_out_of_range, given.shown, ": '", text,
          "' is too large for this option; give ", option.expectation());
  require(given.fault, error == std::errc() && stopped == end, given.shown, ": '", text, "' is not ", wanted, "; give ",
          option.expectation());
  if constexpr (std::is_floating_point_v<T>)
    require(given.fault, std::isfinite(value), given.shown, ": '", text, "' is not finite; give ", option.expectation());
  require(given.fault, option.in_range(static_cast<double>(value)), given.shown, ": ", text, " is out of range; give ",
          option.expectation());
  if constexpr (std::is_integral_v<T>)
    require(given.fault, !option.is_even() || value % 2 == 0, given.shown, ": ", text, " is odd; give ", option.expectation());
  return value;
}

void require_allowed(const Option& option, const Assignment& given, const std::string& text) {
  const auto& allowed = option.allowed();
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return;
  const std::string hint = did_you_mean(nearest_name(text, allowed));
  fail(given.fault, given.shown, ": '", text, "' is not known; ", hint, hint.empty() ? "" : " ", "give ", option.expectation());
}

void require_distinct(const Assignment& given, const std::vector<std::string>& values) {
  for (auto value = values.begin(); value != values.end(); ++value)
    require(given.fault, std::find(values.begin(), value, *value) == value, given.shown, ": '", *value,
            "' stands twice; name it once");
}

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Option& Option::range(double low, double high) {
  check(kind_ == OptionKind::integer || kind_ == OptionKind::number || kind_ == OptionKind::integers, "option ", name_,
        ": a range needs numbers");
  has_range_ = true;
  low_ = low;
  high_ = high;
  return *this;
}

Option& Option::even() {
  check(kind_ == OptionKind::integer && has_range_, "option ", name_, ": even() needs an integer with a range");
  even_ = true;
  return *this;
}

Option& Option::distinct() {
  check(kind_ == OptionKind::texts, "option ", name_, ": distinct() needs texts");
  distinct_ = true;
  return *this;
}

Option& Option::choices(std::vector<std::string> allowed) {
  check(kind_ == OptionKind::text || kind_ == OptionKind::texts, "option ", name_, ": choices need texts");
  allowed_ = std::move(allowed);
  return *this;
}

Option& Option::required() {
  required_ = true;
  return *this;
}

Option& Option::positional() {
  positional_ = true;
  return *this;
}

Option& Option::value_name(std::string name) {
  value_name_ = std::move(name);
  return *this;
}

Option& Option::bundle(std::string value, std::vector<std::pair<std::string, std::string>> settings) {
  if (std::find(allowed_.begin(), allowed_.end(), value) == allowed_.end()) allowed_.push_back(value);
  bundles_.emplace_back(std::move(value), std::move(settings));
  return *this;
}

std::string Option::value_name() const {
  if (!value_name_.empty()) return value_name_;
  if (!allowed_.empty()) {
    std::string names;
    for (const std::string& value : allowed_) names += (names.empty() ? "" : "|") + value;
    return names;
  }
  switch (kind_) {
    case OptionKind::flag: return "";
    case OptionKind::integer: return "INT";
    case OptionKind::number: return "NUMBER";
    case OptionKind::text: return "TEXT";
    case OptionKind::integers: return "INT,...";
    case OptionKind::texts: return "TEXT,...";
  }
  return "";
}

std::string Option::expectation() const {
  std::string what;
  switch (kind_) {
    case OptionKind::flag: return "true or false";
    case OptionKind::integer: what = "a whole number"; break;
    case OptionKind::number: what = "a number"; break;
    case OptionKind::text: what = "a text"; break;
    case OptionKind::integers: what = "whole numbers separated by commas"; break;
    case OptionKind::texts: what = "texts separated by commas"; break;
  }
  if (!allowed_.empty()) {
    what = kind_ == OptionKind::texts ? "any of " : "one of ";
    for (size_t i = 0; i < allowed_.size(); ++i) what += (i ? ", " : "") + allowed_[i];
  }
  if (!has_range_) return what;
  return what + (range_text().starts_with("from") ? " " : " from ") + range_text();
}

std::string Option::range_text() const {
  if (!has_range_) return "";
  if (high_ == kLargestInteger) return number_text(low_) + " to 2^63 - 1";
  if (high_ >= kNoLimit) return "from " + number_text(low_);
  return number_text(low_) + " to " + number_text(high_) + (even_ ? ", even" : "");
}

Option& OptionTable::insert(std::string name, std::string help, OptionKind kind, Set set, Get get) {
  check(!find(name), "option ", name, " is declared twice");
  Option& option = *options_.emplace_back(std::make_unique<Option>());
  option.name_ = std::move(name);
  option.help_ = std::move(help);
  option.group_ = group_;
  option.kind_ = kind;
  option.set_ = std::move(set);
  option.get_ = std::move(get);
  option.default_text_ = option.get_();
  return option;
}

template <class T>
Option& OptionTable::add_number(std::string name, T& field, std::string help) {
  return insert(
      std::move(name), std::move(help), std::is_integral_v<T> ? OptionKind::integer : OptionKind::number,
      [&field](const Option& option, const Assignment& given) {
        field = parse_number<T>(option, given, given.text);
      },
      [&field] { return number_text(field); });
}

Option& OptionTable::add(std::string name, bool& field, std::string help) {
  return insert(
      std::move(name), std::move(help), OptionKind::flag,
      [&field](const Option&, const Assignment& given) {
        require(given.fault, given.text == "true" || given.text == "false", given.shown, ": '", given.text,
                "' is not true or false; give one of the two");
        field = given.text == "true";
      },
      [&field] { return std::string(field ? "true" : "false"); });
}

Option& OptionTable::add(std::string name, int& field, std::string help) {
  return add_number(std::move(name), field, std::move(help));
}
Option& OptionTable::add(std::string name, int64_t& field, std::string help) {
  return add_number(std::move(name), field, std::move(help));
}
Option& OptionTable::add(std::string name, uint64_t& field, std::string help) {
  return add_number(std::move(name), field, std::move(help));
}
Option& OptionTable::add(std::string name, float& field, std::string help) {
  return add_number(std::move(name), field, std::move(help));
}
Option& OptionTable::add(std::string name, double& field, std::string help) {
  return add_number(std::move(name), field, std::move(help));
}

Option& OptionTable::add(std::string name, std::string& field, std::string help) {
  return insert(
      std::move(name), std::move(help), OptionKind::text,
      [&field](const Option& option, const Assignment& given) {
        require_allowed(option, given, given.text);
        field = given.text;
      },
      [&field] { return field; });
}

Option& OptionTable::add(std::string name, std::vector<int>& field, std::string help) {
  return insert(
      std::move(name), std::move(help), OptionKind::integers,
      [&field](const Option& option, const Assignment& given) {
        std::vector<int> values;
        for (const std::string& part : split_list(given.text)) values.push_back(parse_number<int>(option, given, part));
        field = std::move(values);
      },
      [&field] {
        std::vector<std::string> parts;
        for (int value : field) parts.push_back(number_text(value));
        return join_list(parts);
      });
}

Option& OptionTable::add(std::string name, std::vector<std::string>& field, std::string help) {
  return insert(
      std::move(name), std::move(help), OptionKind::texts,
      [&field](const Option& option, const Assignment& given) {
        std::vector<std::string> values = split_list(given.text);
        for (const std::string& value : values) require_allowed(option, given, value);
        if (option.is_distinct()) require_distinct(given, values);
        field = std::move(values);
      },
      [&field] { return join_list(field); });
}

Option& OptionTable::add_choice(std::string name, std::string help, std::vector<std::string> names,
                                std::function<void(size_t)> set, std::function<size_t()> get) {
  Option& option = insert(
      std::move(name), std::move(help), OptionKind::text,
      [set](const Option& option, const Assignment& given) {
        require_allowed(option, given, given.text);
        const auto& names = option.allowed();
        set(std::find(names.begin(), names.end(), given.text) - names.begin());
      },
      [names, get] { return names[get()]; });
  option.choices(std::move(names));
  return option;
}

const Option* OptionTable::find(std::string_view name) const {
  for (const auto& option : options_)
    if (option->name_ == name) return option.get();
  return nullptr;
}

std::string OptionTable::nearest(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& option : options_)
    if (!option->positional_) names.push_back(option->name_);
  return nearest_name(name, names);
}

Option& OptionTable::option_of(const Assignment& assignment) const {
  for (const auto& option : options_)
    if (option->name_ == assignment.name) return *option;
  const std::string hint = did_you_mean(nearest(assignment.name));
  fail(assignment.fault, assignment.shown, ": unknown option; ", hint.empty() ? "--help lists what there is" : hint);
}

void OptionTable::apply_one(const Assignment& assignment) {
  Option& option = option_of(assignment);
  option.set_(option, assignment);
  option.origin_ = assignment.origin;
}

void OptionTable::apply(const std::vector<Assignment>& assignments) {
  for (const auto& option : options_) {
    if (option->bundles_.empty()) continue;
    const Assignment* last = nullptr;
    for (const Assignment& assignment : assignments)
      if (assignment.name == option->name_) last = &assignment;
    if (!last) continue;
    apply_one(*last);
    for (const auto& [value, settings] : option->bundles_)
      if (value == last->text)
        for (const auto& [name, text] : settings)
          apply_one({name, text, join("--", option->name_, " ", value, ": ", name), join(option->name_, " ", value), Fault::bug});
  }
  for (const Assignment& assignment : assignments)
    if (option_of(assignment).bundles_.empty()) apply_one(assignment);
}

void OptionTable::require_given() const {
  for (const auto& option : options_)
    if (option->required_ && option->origin_ == "default") {
      const std::string shown = option->positional_ ? option->name_ : "--" + option->name_;
      fail(Fault::usage, shown, ": this is required; give ", option->positional_ ? "" : shown + " ", option->value_name());
    }
}

std::vector<std::pair<std::string, std::string>> OptionTable::values() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& option : options_)
    if (!option->positional_) result.emplace_back(option->name_, option->text());
  return result;
}

std::vector<Assignment> OptionTable::given() const {
  std::vector<std::string> not_given = {"default"};
  for (const auto& option : options_)
    if (!option->bundles_.empty()) not_given.push_back(join(option->name_, " ", option->text()));
  std::vector<Assignment> result;
  for (const auto& option : options_)
    if (std::find(not_given.begin(), not_given.end(), option->origin_) == not_given.end())
      result.push_back({option->name_, option->text(), "--" + option->name_, option->origin_});
  return result;
}

namespace {

std::string toml_value(const Option& option) {
  const std::string text = option.text();
  if (option.kind() == OptionKind::text) return toml_string(text);
  if (option.kind() == OptionKind::number && text.find_first_of(".e") == std::string::npos) return text + ".0";
  if (option.kind() == OptionKind::integer && text.size() > 18) return toml_string(text);  // TOML's integers have 63 bits
  if (!option.is_list()) return text;
  std::string array = "[";
  for (const std::string& part : split_list(text))
    array += (array.size() > 1 ? ", " : "") + (option.kind() == OptionKind::integers ? part : toml_string(part));
  return array + "]";
}

}  // namespace

std::string OptionTable::toml(bool with_origins) const {
  std::string result;
  for (const auto& option : options_) {
    if (option->positional_) continue;
    result += option->name_ + " = " + toml_value(*option);
    if (with_origins && option->origin_ != "default") result += "  # " + option->origin_;
    result += '\n';
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> differences(const OptionTable& from, const OptionTable& to) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& option : to.options()) {
    const Option* other = from.find(option->name());
    check(other != nullptr, "option ", option->name(), " is in one of the tables only");
    if (other->text() != option->text()) result.emplace_back(option->name(), option->text());
  }
  return result;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  const int length = static_cast<int>(name.size());
  int best_distance = std::min(std::max(2, length / 3), length - 1) + 1;
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(name, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(const std::string& nearest) { return nearest.empty() ? "" : "did you mean '" + nearest + "'?"; }

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr char kHex[] = "0123456789ABCDEF";
      result += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace genrec
