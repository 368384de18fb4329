// The affine map with its parameters.
#pragma once

#include "nn/dropout.h"
#include "nn/normed.h"
#include "nn/parameters.h"
#include "tensor/packed_matrix.h"

namespace nn {

struct LinearOptions {
  bool bias = true;                               // starts at 0
  bool decay_bias = false;                        // AdamW shrinks the bias too
  Initializer initializer = xavier_uniform();     // of w
};

class Linear {
 public:
  Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out, const LinearOptions& options = {});
  explicit Linear(Var weights = {}) : w(std::move(weights)) {}  // of a parameter that is there, without bias

  Var operator()(const Normed& x) const;    // x w + b: [.., in] -> [.., out]
  Var with_relu(const Normed& x) const;     // relu(x w + b), in one pass
  Var with_relu(const Normed& x, const Dropout& dropout, const Context& context) const;  // dropped out, in the same pass

  // From now on multiplies with a copy of w as it is now, for inference: on the CPU laid out for few rows, on a GPU rounded where
  // products read it so.
  void pack();
  bool packed() const { return packed_.defined(); }  // on the CPU

  Var w;  // [in, out]
  Var b;  // [out], undefined without bias

 private:
  Var apply(const Normed& x, bool relu) const;
  std::string name_;
  tensor::PackedMatrix packed_;
};

}  // namespace nn
