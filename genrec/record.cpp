#include "genrec/record.h"

#include <nlohmann/json.hpp>

namespace genrec {

std::string Record::to_json() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : fields_) std::visit([&, &key = name](const auto& v) { json[key] = v; }, value);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace genrec
