#include "graph/spmm.h"

#include "tensor/cuda/gather_sums.h"

namespace graph::spmm_kernels {

static void forward_cuda(const Csr& a, const Tensor& x, Tensor& y) {
  using namespace tensor::cuda;
  gather_sums("spmm.forward", {.rows = a.rows,
                               .columns = x.columns(),
                               .offsets = indices(a.offsets),
                               .indices = indices(a.indices),
                               .weights = a.values.defined() ? constants(a.values) : nullptr,
                               .x = floats(x),
                               .y = floats(y)});
}

static const bool spmm_bound = forward.bind_cuda(forward_cuda);

}  // namespace graph::spmm_kernels
