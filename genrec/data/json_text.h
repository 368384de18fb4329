// What the readers of JSON share: a value as the text of a field, and how a broken file is told.
#pragma once

#include <string>
#include <string_view>

namespace genrec {

// null: "". The elements of a list are joined by spaces. A template only so that no JSON library is included here.
template <class Json>
std::string json_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.template get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string joined;
  for (const Json& element : value) {
    if (!joined.empty()) joined += ' ';
    joined += element.is_string() ? element.template get<std::string>() : element.dump();
  }
  return joined;
}

// Throws Error(bad_data) "path:line:column: is no JSON ..", with the place that the parser's message names.
[[noreturn]] void fail_json(const std::string& path, const std::string& message);

// The metadata of Amazon's 2014 release are Python dictionaries, one per line: texts in single quotes, None, True, False.
bool is_python_dict(std::string_view line);
std::string json_of_python(std::string_view line);

}  // namespace genrec
