// The affine map with its parameters.
#pragma once

#include "nn/parameters.h"

namespace nn {

struct LinearOptions {
  bool bias = true;                               // starts at 0
  bool decay_bias = false;                        // AdamW shrinks the bias too
  Initializer initializer = xavier_uniform();     // of w
};

class Linear {
 public:
  Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out, const LinearOptions& options = {});

  Var operator()(const Var& x) const;       // x w + b: [.., in] -> [.., out]
  Var with_relu(const Var& x) const;        // relu(x w + b), in one pass

  Var w;  // [in, out]
  Var b;  // [out], undefined without bias

 private:
  Var apply(const Var& x, bool relu) const;
  std::string name_;
};

}  // namespace nn
