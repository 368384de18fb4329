#include "graph/light_gcn.h"

#include "autograd/ops/add.h"
#include "autograd/ops/scale.h"
#include "graph/spmm.h"

namespace graph {

autograd::Var light_gcn(const SparseMatrix& a, const autograd::Var& x, int layers) {
  tensor::require(layers >= 0, "light_gcn: the number of layers must not be negative, got ", layers);
  autograd::Var power = x, sum = x;
  for (int layer = 0; layer < layers; ++layer) {
    power = spmm(a, power);
    sum = autograd::add(sum, power);
  }
  return autograd::scale(sum, 1.0 / (layers + 1));
}

}  // namespace graph
