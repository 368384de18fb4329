// The propagation of LightGCN (He et al. 2020): no weights, no activation.
#pragma once

#include "autograd/var.h"
#include "graph/csr.h"

namespace graph {

// (x + A x + .. + A^layers x) / (layers + 1), with A of Normalisation::symmetric. x is [nodes, D].
autograd::Var light_gcn(const SparseMatrix& a, const autograd::Var& x, int layers);

}  // namespace graph
