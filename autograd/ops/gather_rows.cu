#include "autograd/ops/gather_rows.h"

#include "tensor/cuda/rows.h"

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

constexpr unsigned kLines = 8;

// A block sums 32 columns of row blockIdx.x of the table; each of its lines takes a piece of the row's positions.
__global__ void sorted_kernel(int64_t columns, const float* dy, const int32_t* start, const int32_t* position,
                              float* dtable) {
  float* memory = tensor::cuda::shared_memory<float>();  // [kLines, 32]
  const int64_t row = blockIdx.x, j = int64_t{blockIdx.y} * kWarp + threadIdx.x;
  const int64_t first = start[row], count = start[row + 1] - first;
  const int64_t begin = first + count * threadIdx.y / kLines, end = first + count * (threadIdx.y + 1) / kLines;
  float sum = 0;
  if (j < columns) {
    for (int64_t e = begin; e < end; ++e) sum += dy[position[e] * columns + j];
  }
  memory[threadIdx.y * kWarp + threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || j >= columns) return;
  for (unsigned line = 1; line < kLines; ++line) sum += memory[line * kWarp + threadIdx.x];
  dtable[row * columns + j] = sum;
}

// For ids that are known on the device only, of small tables: every element of the table looks at all ids.
__global__ void scanning_kernel(int64_t rows, int64_t columns, int64_t count, const float* dy, const int32_t* ids,
                                float* dtable) {
  const int64_t element = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (element >= rows * columns) return;
  const int64_t row = element / columns, j = element % columns;
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (ids[i] == row) sum += dy[i * columns + j];
  }
  dtable[element] = sum;
}

static void forward_cuda(const Tensor& table, const Tensor& ids, Tensor& y) {
  tensor::cuda::launch_rows("gather_rows.forward", ids.size(), forward_kernel, ids.size(), table.columns(), floats(table),
                            tensor::cuda::indices(ids), floats(y));
}

static void backward_cuda(const Tensor& dy, const Tensor& ids, Tensor& dtable) {
  const int64_t rows = dtable.rows(), columns = dtable.columns();
  if (ids.device() == tensor::Device::cuda) {
    constexpr unsigned kThreads = 128;
    const dim3 blocks(static_cast<unsigned>((rows * columns + kThreads - 1) / kThreads));
    return tensor::cuda::launch("gather_rows.scan", blocks, dim3(kThreads), 0, scanning_kernel, rows, columns, ids.size(),
                                floats(dy), ids.data<int32_t>(), floats(dtable));
  }
  const Positions sorted = sort_by_id(ids, rows);
  const Tensor start = sorted.start.to(tensor::Device::cuda), position = sorted.position.to(tensor::Device::cuda);
  const dim3 blocks(static_cast<unsigned>(rows), static_cast<unsigned>((columns + kWarp - 1) / kWarp));
  tensor::cuda::launch("gather_rows.backward", blocks, dim3(kWarp, kLines), kLines * kWarp * sizeof(float), sorted_kernel,
                       columns, floats(dy), start.data<int32_t>(), position.data<int32_t>(), floats(dtable));
}

static const bool gather_rows_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::gather_rows_kernels
