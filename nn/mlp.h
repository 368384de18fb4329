// A chain of linear maps with an activation, and dropout, between them; none after the last.
#pragma once

#include "nn/dropout.h"
#include "nn/linear.h"

namespace nn {

enum class Activation { none, relu, leaky_relu, sigmoid, tanh };  // leaky_relu: slope 0.01

Var activate(const Var& x, Activation activation);

struct MlpOptions {
  Activation activation = Activation::relu;
  double dropout = 0;  // after each activation
  bool bias = true;
  bool decay_bias = false;
  Initializer initializer = xavier_uniform();  // of the matrices
};

class Mlp {
 public:
  // widths {64, 16, 4}: Linear(64,16), activation, Linear(16,4). The layers are called <name>.0, <name>.1, ...
  Mlp(Parameters& parameters, const std::string& name, const std::vector<int64_t>& widths, const MlpOptions& options = {});

  Var operator()(const Var& x, const Context& context) const;  // [rows, first width] -> [rows, last width]

 private:
  std::vector<Linear> layers_;
  std::vector<Dropout> dropouts_;  // [i] after layer i
  std::string name_;
  Activation activation_;
};

}  // namespace nn
