#include "nn/module.h"

namespace nn {

namespace {

// Whether the path ends with `name`, as a whole number of components.
bool ends_with(std::string_view path, std::string_view name) {
  return path.ends_with(name) && (path.size() == name.size() || path[path.size() - name.size() - 1] == '.');
}

}  // namespace

ModuleScope::ModuleScope(const std::string& name) {
  const std::string& path = tensor::Scope::path();
  const std::string_view whole = name;
  if (whole.empty() || ends_with(path, whole)) return;
  for (size_t dot = whole.rfind('.'); dot != std::string_view::npos && dot > 0; dot = whole.rfind('.', dot - 1)) {
    if (!ends_with(path, whole.substr(0, dot))) continue;
    scope_.emplace(whole.substr(dot + 1));
    return;
  }
  scope_.emplace(whole);
}

}  // namespace nn
