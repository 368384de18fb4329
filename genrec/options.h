// One declaration per option: an OptionTable binds names to fields of an options struct and gives the command line, the help,
// the configuration file, the README table and the dump of a resolved configuration. It parses text, not files or argv.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tensor/error.h"

namespace genrec {

// As the end of a range: every integer that TOML can hold. It is the double next to 2^63 - 1.
constexpr double kLargestInteger = 0x1p63;

enum class OptionKind { flag, integer, number, text, integers, texts };

// One value for one option, as read from a command line or a file. `shown` opens the error message: "--top-k", "run.toml:3:9:
// top-k". `origin` is what the dump says of it.
struct Assignment {
  std::string name, text, shown, origin;
  tensor::Fault fault = tensor::Fault::usage;  // of the error if it cannot be applied
};

class Option {
 public:
  // Modifiers, chained after OptionTable::add.
  Option& range(double low, double high);                // numbers, inclusive; a list: of every element
  Option& even();                                        // integers, with a range
  Option& distinct();                                    // texts: none of them twice
  Option& choices(std::vector<std::string> allowed);     // texts
  Option& required();                                    // must be given
  Option& positional();                                  // given without its name
  Option& value_name(std::string name);                  // FILE, DIR, ID: shown in the help instead of the kind
  // Choosing `value` of this option first sets these others ("preset tiny"); each can still be set on its own.
  Option& bundle(std::string value, std::vector<std::pair<std::string, std::string>> settings);

  const std::string& name() const { return name_; }      // "learning-rate", without dashes
  const std::string& help() const { return help_; }
  const std::string& group() const { return group_; }
  OptionKind kind() const { return kind_; }
  bool is_required() const { return required_; }
  bool is_positional() const { return positional_; }
  bool is_list() const { return kind_ == OptionKind::integers || kind_ == OptionKind::texts; }
  const std::vector<std::string>& allowed() const { return allowed_; }
  const std::string& default_text() const { return default_text_; }
  std::string text() const { return get_(); }            // the current value; lists joined with commas
  const std::string& origin() const { return origin_; }  // who set it last: "default", "preset tiny", "command line", a file
  std::string value_name() const;                        // INT, NUMBER, TEXT, {a|b|c}, or what value_name(...) said
  std::string range_text() const;                        // "0 to 1", "from 0", or "" without a range
  std::string expectation() const;                       // "a number from 0 to 1"
  bool is_even() const { return even_; }
  bool is_distinct() const { return distinct_; }
  bool in_range(double x) const { return !has_range_ || (x >= low_ && x <= high_); }

 private:
  friend class OptionTable;
  std::string name_, help_, group_, value_name_, default_text_, origin_ = "default";
  OptionKind kind_ = OptionKind::text;
  bool required_ = false, positional_ = false, has_range_ = false, even_ = false, distinct_ = false;
  double low_ = 0, high_ = 0;
  std::vector<std::string> allowed_;
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> bundles_;
  std::function<void(const Option& option, const Assignment& given)> set_;  // parses and stores, or throws
  std::function<std::string()> get_;
};

class OptionTable {
 public:
  OptionTable() = default;
  OptionTable(const OptionTable&) = delete;  // holds references to the fields
  OptionTable& operator=(const OptionTable&) = delete;

  void group(std::string title) { group_ = std::move(title); }  // of the options added from here on

  // The present value of the field is the default. A help text gives unit and meaning, and no default.
  Option& add(std::string name, bool& field, std::string help);
  Option& add(std::string name, int& field, std::string help);
  Option& add(std::string name, int64_t& field, std::string help);
  Option& add(std::string name, uint64_t& field, std::string help);
  Option& add(std::string name, float& field, std::string help);
  Option& add(std::string name, double& field, std::string help);
  Option& add(std::string name, std::string& field, std::string help);
  Option& add(std::string name, std::vector<int>& field, std::string help);
  Option& add(std::string name, std::vector<std::string>& field, std::string help);
  template <class E>
    requires std::is_enum_v<E>
  Option& add(std::string name, E& field, std::string help, std::vector<std::pair<std::string, E>> values);

  const std::vector<std::unique_ptr<Option>>& options() const { return options_; }
  const Option* find(std::string_view name) const;  // nullptr if there is none
  std::string nearest(std::string_view name) const; // the most similar name, "" if none is similar

  // Sets one option; an Error for an unknown name or a bad value.
  void set(const std::string& name, const std::string& text) { apply({Assignment{name, text, "--" + name, "set"}}); }
  // Sets many: first those with bundles (the last assignment of each counts) and what they stand for, then all others in order.
  void apply(const std::vector<Assignment>& assignments);
  void require_given() const;  // Error(usage) naming the first required option that nobody set

  std::vector<std::pair<std::string, std::string>> values() const;  // name and text of all but the positional ones
  std::vector<Assignment> given() const;  // what was set one by one, neither a default nor a part of a bundle
  std::string toml(bool with_origins = true) const;                 // `name = value  # preset tiny`, one per line

 private:
  using Set = std::function<void(const Option& option, const Assignment& given)>;
  using Get = std::function<std::string()>;
  Option& insert(std::string name, std::string help, OptionKind kind, Set set, Get get);
  template <class T>
  Option& add_number(std::string name, T& field, std::string help);
  Option& add_choice(std::string name, std::string help, std::vector<std::string> names, std::function<void(size_t)> set,
                     std::function<size_t()> get);
  Option& option_of(const Assignment& assignment) const;
  void apply_one(const Assignment& assignment);

  std::vector<std::unique_ptr<Option>> options_;
  std::string group_;
};

// What differs in `to`, an equally built table: the settings of a bundle made from an options struct.
std::vector<std::pair<std::string, std::string>> differences(const OptionTable& from, const OptionTable& to);

// The candidate with the smallest edit distance to `name`, "" if none is within a third of its length (at least 2).
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);
std::string did_you_mean(const std::string& nearest);  // "did you mean 'x'?", or "" for ""
std::string toml_string(std::string_view text);        // quoted and escaped

template <class E>
  requires std::is_enum_v<E>
Option& OptionTable::add(std::string name, E& field, std::string help, std::vector<std::pair<std::string, E>> values) {
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(value.first);
  return add_choice(
      std::move(name), std::move(help), names, [&field, values](size_t i) { field = values[i].second; },
      [&field, values] {
        size_t i = 0;
        while (i + 1 < values.size() && values[i].second != field) ++i;
        return i;
      });
}

}  // namespace genrec
