#include "graph/gcn_layer.h"

#include "autograd/ops/add.h"
#include "graph/spmm.h"
#include "nn/module.h"

namespace graph {

GcnLayer::GcnLayer(nn::Parameters& parameters, const std::string& name, int64_t in, int64_t out,
                   const GcnLayerOptions& options)
    : root_(parameters, name + ".root", in, out, {.bias = options.bias}),
      neighbour_(parameters, name + ".neighbour", in, out, {.bias = false}),
      dropout_(name, options.dropout),
      activation_(options.activation),
      narrows_(out < in),
      name_(name) {}

Var GcnLayer::operator()(const SparseMatrix& a, const Var& x, const nn::Context& context) const {
  const nn::ModuleScope scope(name_);
  // A (x W) = (A x) W: propagation moves whichever of x and x W is narrower.
  const Var neighbours = narrows_ ? spmm(a, neighbour_(x)) : neighbour_(spmm(a, x));
  return dropout_(nn::activate(autograd::add(root_(x), neighbours), activation_), context);
}

}  // namespace graph
