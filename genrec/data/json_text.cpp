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

}  // namespace genrec
