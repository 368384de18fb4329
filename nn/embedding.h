// A table of vectors, looked up by index.
#pragma once

#include "nn/parameters.h"

namespace nn {

class Embedding {
 public:
  Embedding(Parameters& parameters, const std::string& name, int64_t rows, int64_t width,
            const Initializer& initializer = normal(1));

  Var operator()(const Tensor& ids) const;  // ids i32 [n] -> [n, width]; -1 is padding: zeros, no gradient

  Var table;  // [rows, width]

 private:
  std::string name_;
};

}  // namespace nn
