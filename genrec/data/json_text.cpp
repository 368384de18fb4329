#include "genrec/data/json_text.h"

#include <algorithm>
#include <cstdlib>

#include "tensor/error.h"

namespace genrec {

// "[json.exception.parse_error.101] parse error at line 3, column 5: syntax error while .."
void fail_json(const std::string& path, const std::string& message) {
  const auto number_after = [&](const std::string& word) {
    const size_t at = message.find(word);
    return at == std::string::npos ? 0 : std::atoll(message.c_str() + at + word.size());
  };
  const size_t text = message.find(": ", std::min(message.find("column"), message.size()));
  std::string what = text == std::string::npos ? message : message.substr(text + 2);
  if (what.size() > 200) what = what.substr(0, 200) + "..";
  tensor::fail(tensor::Fault::bad_data, path, ":", number_after("line "), ":", number_after("column "), ": is no JSON (", what,
               "); fetch the file again or mend it");
}

bool is_python_dict(std::string_view line) {
  const size_t brace = line.find_first_not_of(" \t");
  return brace != std::string_view::npos && line[brace] == '{' && line.find_first_not_of(" \t", brace + 1) != std::string_view::npos &&
         line[line.find_first_not_of(" \t", brace + 1)] == '\'';
}

// Texts get double quotes and JSON's escapes; what stands outside of them is the same but for three words. A line that is broken
// becomes a text that is no JSON, which the parser tells.
std::string json_of_python(std::string_view line) {
  std::string json;
  for (size_t at = 0; at < line.size(); ++at) {
    const char quote = line[at];
    if (quote == '\'' || quote == '"') {
      json += '"';
      for (++at; at < line.size() && line[at] != quote; ++at) {
        const char c = line[at], next = at + 1 < line.size() ? line[at + 1] : '\0';
        if (c == '"') json += "\\\"";
        else if (c != '\\') json += c;
        else if (next == '\'') json += '\'', ++at;
        else if (next == 'x') json += "\\u00", ++at;  // two hexadecimal digits follow
        else json += c, json += next, ++at;
      }
      json += at < line.size() ? "\"" : "";
      continue;
    }
    const auto word = [&](std::string_view python, const char* name) {
      if (line.substr(at, python.size()) != python) return false;
      json += name, at += python.size() - 1;
      return true;
    };
    if (!word("None", "null") && !word("True", "true") && !word("False", "false")) json += quote;
  }
  return json;
}

}  // namespace genrec
