// Product of a sparse matrix with a dense one: one step of propagation over a graph.
#pragma once

#include "autograd/var.h"
#include "graph/csr.h"
#include "tensor/kernel.h"

namespace graph {

// y = A x: y[r] = sum of value * x[column] over the entries of row r. x is [A.columns, D], y is [A.rows, D]; an empty
// row gives 0. dx = A^T dy through the stored transpose. The matrix itself has no gradient.
autograd::Var spmm(const SparseMatrix& a, const autograd::Var& x);

namespace spmm_kernels {  // seam between spmm.cpp (CPU) and spmm.cu (CUDA)
extern tensor::Kernel<void(const Csr& a, const Tensor& x, Tensor& y)> forward;
}

}  // namespace graph
