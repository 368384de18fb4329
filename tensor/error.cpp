#include "tensor/error.h"

namespace tensor {

namespace {
std::string& current_path() {
  thread_local std::string path;
  return path;
}
}  // namespace

Scope::Scope(std::string_view name) : outer_length_(current_path().size()) {
  std::string& path = current_path();
  if (!path.empty()) path += '.';
  path += name;
}

Scope::~Scope() { current_path().resize(outer_length_); }

const std::string& Scope::path() { return current_path(); }

void raise(Fault fault, const std::string& message) {
  const std::string& path = Scope::path();
  throw Error(fault, path.empty() ? message : path + ": " + message);
}

}  // namespace tensor
