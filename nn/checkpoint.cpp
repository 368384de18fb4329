#include "nn/checkpoint.h"

namespace nn {

using tensor::Fault;
using tensor::require;

namespace {
constexpr const char* kFormatKey = "genrec.checkpoint";
constexpr const char* kFormat = "1";
}  // namespace

void Checkpoint::put(const std::string& group, const Parameters& parameters) {
  for (const Parameter& p : parameters) put(group + "/" + p.name, p.var.value());
}

void Checkpoint::put(const std::string& group, const Optimizer& optimizer) {
  for (const auto& [name, value] : optimizer.state()) put(group + "/" + name, value);
}

void Checkpoint::put(const std::string& name, const Tensor& value) {
  tensor::check(!has_tensor(name), "checkpoint: two tensors are called '", name, "'");
  content_.tensors.emplace_back(name, value);
}

void Checkpoint::set(const std::string& key, const std::string& text) { content_.metadata[key] = text; }

void Checkpoint::write(const std::string& path) const {
  tensor::Metadata metadata = content_.metadata;
  metadata.emplace(kFormatKey, kFormat);
  tensor::write_safetensors(path, content_.tensors, metadata);
}

Checkpoint Checkpoint::read(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.content_ = tensor::read_safetensors(path);
  require(Fault::bad_data, checkpoint.has_text(kFormatKey), path, ": is no checkpoint, its metadata lack '", kFormatKey,
          "'; give a file that training wrote");
  const std::string& format = checkpoint.text(kFormatKey);
  require(Fault::bad_data, format == kFormat, path, ": has checkpoint format ", format, ", this program reads ", kFormat,
          "; use the version of the program that wrote it");
  return checkpoint;
}

tensor::NamedTensors Checkpoint::group_of(const std::string& group) const {
  tensor::NamedTensors result;
  for (const auto& [name, value] : content_.tensors)
    if (name.starts_with(group + "/")) result.emplace_back(name.substr(group.size() + 1), value);
  return result;
}

void Checkpoint::restore(const std::string& group, Parameters& parameters) const {
  for (const auto& [name, value] : group_of(group)) {
    require(Fault::bad_data, parameters.find(name) != nullptr, path(), ": holds '", group, "/", name, "' ", value.dtype(),
            " ", value.shape(), ", which this model does not have; use the model options of the run that wrote it");
  }
  for (const Parameter& p : parameters) {
    const std::string name = group + "/" + p.name;
    const Tensor& expected = p.var.value();
    require(Fault::bad_data, has_tensor(name), path(), ": tensor '", name, "' is missing, expected ", expected.dtype(), " ",
            expected.shape(), "; use the model options of the run that wrote it");
    const Tensor& found = tensor(name);
    require(Fault::bad_data, found.shape() == expected.shape() && found.dtype() == expected.dtype(), path(), ": tensor '",
            name, "' is ", found.dtype(), " ", found.shape(), ", expected ", expected.dtype(), " ", expected.shape(),
            "; use the model options of the run that wrote it");
  }
  for (const Parameter& p : parameters) Var(p.var).mutable_value().copy_from(tensor(group + "/" + p.name));
}

void Checkpoint::restore(const std::string& group, Optimizer& optimizer, const Parameters& parameters) const {
  optimizer.load_state(group_of(group), parameters, path());
}

}  // namespace nn
