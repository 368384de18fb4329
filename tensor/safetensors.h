// The safetensors container: named tensors and a string-to-string table in one file. Checkpoints and prepared data use it.
// Layout: u64 header length, JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {..}}, raw little-endian data.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace tensor {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;  // in the order of the file
using Metadata = std::map<std::string, std::string>;

struct Safetensors {
  std::string path;
  NamedTensors tensors;
  Metadata metadata;

  const Tensor* find(std::string_view name) const;  // nullptr when there is none
  const Tensor& at(std::string_view name) const;    // Error bad_data naming the file when there is none
  const std::string& metadata_at(const std::string& key) const;  // likewise
};

struct TensorEntry {
  std::string name;
  DType dtype;
  Shape shape;
  int64_t begin, end;  // bytes after the header
};

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  // in the order of the file
  Metadata metadata;
};

// Replaces the file in one step: after an error the old one is still there. CUDA tensors are copied to the host first. The
// same tensors and metadata give the same bytes.
void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {});

// Reads a file that may be damaged or malicious. Everything the header says is checked against the file before it is used.
Safetensors read_safetensors(const std::string& path);
SafetensorsHeader read_safetensors_header(const std::string& path);  // checked likewise; the data are not read

}  // namespace tensor
