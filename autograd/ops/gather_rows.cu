#include "autograd/ops/gather_rows.h"

#include "tensor/cuda/gather_sums.h"

namespace autograd::gather_rows_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;

__global__ void forward_kernel(int64_t count, int64_t columns, const float* table, const int32_t* ids, float* y) {
  const int64_t i = tensor::cuda::row_of_warp();
  if (i >= count) return;
  const int64_t id = ids[i];
  for (int64_t j = tensor::cuda::lane_of_warp(); j < columns; j += kWarp)
    y[i * columns + j] = id < 0 ? 0.f : table[id * columns + j];
}

// For ids that are known on the device only, of small tables: every element of the table looks at all ids.
__global__ void scanning_kernel(int64_t rows, int64_t columns, int64_t count, const float* dy, const int32_t* ids,
                                bool add, float* dtable) {
  const int64_t element = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (element >= rows * columns) return;
  const int64_t row = element / columns, j = element % columns;
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (ids[i] == row) sum += dy[i * columns + j];
  }
  dtable[element] = add ? dtable[element] + sum : sum;
}

static void forward_cuda(const Tensor& table, const Tensor& ids, Tensor& y) {
  tensor::cuda::launch_rows("gather_rows.forward", ids.size(), forward_kernel, ids.size(), table.columns(), floats(table),
                            tensor::cuda::indices(ids), floats(y));
}

static void backward_cuda(const Tensor& dy, const Tensor& ids, bool add, Tensor& dtable) {
  const int64_t rows = dtable.rows(), columns = dtable.columns();
  if (ids.device() == tensor::Device::cuda) {
    constexpr unsigned kThreads = 128;
    const dim3 blocks(static_cast<unsigned>((rows * columns + kThreads - 1) / kThreads));
    return tensor::cuda::launch("gather_rows.scan", blocks, dim3(kThreads), 0, scanning_kernel, rows, columns, ids.size(),
                                floats(dy), ids.data<int32_t>(), add, floats(dtable));
  }
  const Positions sorted = sort_by_id(ids, rows);
  tensor::cuda::gather_sums("gather_rows.backward", {.rows = rows,
                                                     .columns = columns,
                                                     .offsets = tensor::cuda::indices(sorted.start),
                                                     .indices = tensor::cuda::indices(sorted.position),
                                                     .weights = nullptr,
                                                     .x = floats(dy),
                                                     .y = floats(dtable),
                                                     .add = add});
}

static const bool gather_rows_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::gather_rows_kernels
