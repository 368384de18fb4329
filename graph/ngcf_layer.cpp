#include "graph/ngcf_layer.h"

#include "autograd/ops/add.h"
#include "autograd/ops/leaky_relu.h"
#include "autograd/ops/multiply.h"
#include "graph/spmm.h"
#include "nn/module.h"

namespace graph {

NgcfLayer::NgcfLayer(nn::Parameters& parameters, const std::string& name, int64_t in, int64_t out, double dropout)
    : sum_(parameters, name + ".sum", in, out), product_(parameters, name + ".product", in, out), dropout_(name, dropout),
      name_(name) {}

Var NgcfLayer::operator()(const SparseMatrix& a, const Var& x, const nn::Context& context) const {
  const nn::ModuleScope scope(name_);
  const Var neighbours = spmm(a, x);
  const Var y = autograd::add(sum_(autograd::add(x, neighbours)), product_(autograd::multiply(x, neighbours)));
  return dropout_(autograd::leaky_relu(y, 0.2), context);
}

}  // namespace graph
