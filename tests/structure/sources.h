// The source files of this repository, as text, for tests of their structure.
#pragma once

#include <string>
#include <vector>

namespace tests {

struct SourceFile {
  std::string path;  // from the root: "tensor/shape.h"
  std::vector<std::string> lines;

  std::string folder() const { return path.substr(0, path.find('/')); }  // the layer
  bool is_header() const { return path.ends_with(".h"); }
};

// All .h, .cpp and .cu files of these folders, sorted by path.
std::vector<SourceFile> source_files(const std::vector<std::string>& folders);

inline const std::vector<std::string> kLayers{"tensor", "autograd", "nn", "graph", "quant", "genrec", "cli"};
inline const std::vector<std::string> kAllFolders{"tensor", "autograd", "nn", "graph", "quant", "genrec", "cli", "tests"};

// "tensor/shape.h" of `#include "tensor/shape.h"`, "" of any other line; `system`: of <...> instead.
std::string included_by(const std::string& line, bool system = false);

}  // namespace tests
