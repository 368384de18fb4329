// An ordered list of named values: one line of metrics.jsonl, one progress line, one result object.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace genrec {

class Record {
 public:
  using Value = std::variant<bool, int64_t, double, std::string>;

  Record& add(const std::string& name, bool value) { return put(name, value); }
  Record& add(const std::string& name, int value) { return put(name, int64_t{value}); }
  Record& add(const std::string& name, int64_t value) { return put(name, value); }
  Record& add(const std::string& name, double value) { return put(name, value); }
  Record& add(const std::string& name, const char* value) { return put(name, std::string(value)); }
  Record& add(const std::string& name, const std::string& value) { return put(name, value); }

  const std::vector<std::pair<std::string, Value>>& fields() const { return fields_; }
  std::string to_json() const;  // one line; numbers that are not finite become null

 private:
  Record& put(const std::string& name, Value value) {
    fields_.emplace_back(name, std::move(value));
    return *this;
  }
  std::vector<std::pair<std::string, Value>> fields_;
};

}  // namespace genrec
