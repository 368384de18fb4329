// The state of a run in one safetensors file: parameters, optimisers, other tensors and text. Loading is strict: the file
// must hold exactly what the model asks for.
#pragma once

#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "tensor/safetensors.h"

namespace nn {

class Checkpoint {
 public:
  // A group is the part of a name before the slash: "model/encoder.w", "optimizer/adam.m/encoder.w".
  void put(const std::string& group, const Parameters& parameters);
  void put(const std::string& group, const Optimizer& optimizer);
  void put(const std::string& name, const Tensor& value);  // any other tensor
  void set(const std::string& key, const std::string& text);
  void write(const std::string& path) const;  // replaces the file in one step

  static Checkpoint read(const std::string& path);
  void restore(const std::string& group, Parameters& parameters) const;
  void restore(const std::string& group, Optimizer& optimizer, const Parameters& parameters) const;
  bool has_tensor(const std::string& name) const { return content_.find(name) != nullptr; }
  const Tensor& tensor(const std::string& name) const { return content_.at(name); }
  bool has_text(const std::string& key) const { return content_.metadata.contains(key); }
  const std::string& text(const std::string& key) const { return content_.metadata_at(key); }
  const std::string& path() const { return content_.path; }  // where it was read from

 private:
  tensor::NamedTensors group_of(const std::string& group) const;  // names without the group
  tensor::Safetensors content_;
};

}  // namespace nn
