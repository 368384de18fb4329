// The feed-forward block of a Transformer: Linear, ReLU, dropout, Linear.
#pragma once

#include "nn/dropout.h"
#include "nn/linear.h"

namespace nn {

struct FeedForwardOptions {
  double dropout = 0;  // after the ReLU
  bool bias = false;
  Initializer up = xavier_uniform(), down = xavier_uniform();
};

class FeedForward {
 public:
  FeedForward(Parameters& parameters, const std::string& name, int64_t width, int64_t hidden,
              const FeedForwardOptions& options = {});

  Var operator()(const Var& x, const Context& context) const;  // [rows, width] -> [rows, width]

  void pack() { up.pack(), down.pack(); }  // see Linear

  Linear up, down;

 private:
  std::string name_;
  Dropout dropout_;
};

}  // namespace nn
