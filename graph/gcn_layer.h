// A graph convolution with separate weights for a node and for its neighbours.
#pragma once

#include "graph/csr.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/mlp.h"

namespace graph {

using autograd::Var;

struct GcnLayerOptions {
  nn::Activation activation = nn::Activation::leaky_relu;
  double dropout = 0;  // after the activation
  bool bias = true;
};

// y = dropout(activation(x W1 + (A x) W2 + b)). With row means as A this is the layer of MMGRec (Eq. 5) and GraphSAGE's mean
// aggregator. The same weights serve all nodes.
class GcnLayer {
 public:
  GcnLayer(nn::Parameters& parameters, const std::string& name, int64_t in, int64_t out,
           const GcnLayerOptions& options = {});

  Var operator()(const SparseMatrix& a, const Var& x, const nn::Context& context) const;  // [nodes, in] -> [nodes, out]

 private:
  nn::Linear root_;  // with the bias of the layer
  nn::Linear neighbour_;
  nn::Dropout dropout_;
  nn::Activation activation_;
  bool narrows_;
  std::string name_;
};

}  // namespace graph
