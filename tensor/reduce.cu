#include "tensor/reduce.h"

#include "tensor/cuda/sums.h"

namespace tensor {

static void column_sums_cuda(const Tensor& x, Tensor& sums) {
  cuda::sum_rows("column_sums", x.rows(), x.columns(), cuda::RowParts{cuda::floats(x), x.columns()}, cuda::floats(sums));
}

static const bool reduce_bound = column_sums.bind_cuda(column_sums_cuda);

}  // namespace tensor
