// What every layer does on entry: it puts its name into the module path that error messages begin with.
#pragma once

#include <optional>
#include <string>

#include "tensor/error.h"

namespace nn {

// Adds what the path does not end with yet: inside "encoder.0", the module "encoder.0.ffn" adds "ffn". No name adds nothing.
class ModuleScope {
 public:
  explicit ModuleScope(const std::string& name);

 private:
  std::optional<tensor::Scope> scope_;
};

}  // namespace nn
