// A layer of NGCF (Wang et al. 2019, Eq. 7).
#pragma once

#include "graph/csr.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace graph {

using autograd::Var;

// y = dropout(leaky_relu((x + A x) W1 + b1 + (x * A x) W2 + b2)) with slope 0.2 and A of Normalisation::symmetric; * is
// elementwise. The final vectors of a node are its vectors after all layers side by side, which is left to the caller.
class NgcfLayer {
 public:
  NgcfLayer(nn::Parameters& parameters, const std::string& name, int64_t in, int64_t out, double dropout);

  Var operator()(const SparseMatrix& a, const Var& x, const nn::Context& context) const;  // [nodes, in] -> [nodes, out]

 private:
  nn::Linear sum_, product_;
  nn::Dropout dropout_;
  std::string name_;
};

}  // namespace graph
