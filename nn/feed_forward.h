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
  FeedForward(const std::string& name, Linear up, Linear down);  // of layers that are there, without dropout

  Var operator()(const Normed& x, const Context& context) const;  // [rows, width], as x
  Var hidden(const Normed& x, const Context& context) const;  // what `down` reads, [rows, hidden]

  void pack() { up.pack(), down.pack(); }  // see Linear

  Linear up, down;

 private:
  std::string name_;
  Dropout dropout_;
};

}  // namespace nn
