#include "tensor/reduce.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"

namespace tensor {

static void column_sums_cuda(const Tensor& x, Tensor& sums) {
  cuda::sum_rows("column_sums", x.rows(), x.columns(), cuda::RowParts{cuda::floats(x), x.columns()}, cuda::floats(sums));
}

static void accumulate_cuda(const Tensor& x, int64_t index, Tensor& sums) {
  const float* value = cuda::floats(x);
  double* sum = sums.data<double>() + index;
  cuda::for_each("accumulate", 1, [=] __device__(int64_t) { *sum += double{*value}; });
}

static const bool reduce_bound = column_sums.bind_cuda(column_sums_cuda) && accumulate.bind_cuda(accumulate_cuda);

}  // namespace tensor
