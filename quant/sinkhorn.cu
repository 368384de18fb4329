#include "quant/sinkhorn.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/rows.h"

namespace quant::sinkhorn_kernels {

using tensor::DType;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::scratch;

constexpr unsigned kLines = 32;  // threads that share the rows of a column, or all of the distances
constexpr size_t kTile = kLines * (kWarp + 1) * sizeof(double);

__device__ double warp_largest(double value) {
  for (int bits = kWarp / 2; bits > 0; bits /= 2) value = fmax(value, __shfl_xor_sync(tensor::cuda::kAllLanes, value, bits));
  return value;
}

// range[0], range[1] = least and largest of all. One block of kLines warps.
__global__ void range_kernel(int64_t count, const float* x, double* range) {
  double* memory = tensor::cuda::shared_memory<double>();  // [2, kLines]
  double least = INFINITY, most = -INFINITY;
  for (int64_t i = threadIdx.x; i < count; i += kLines * kWarp) least = fmin(least, x[i]), most = fmax(most, x[i]);
  least = -warp_largest(-least), most = warp_largest(most);
  const unsigned warp = threadIdx.x / kWarp;
  if (lane_of_warp() == 0) memory[warp] = least, memory[kLines + warp] = most;
  __syncthreads();
  if (warp > 0) return;
  least = -warp_largest(-memory[lane_of_warp()]), most = warp_largest(memory[kLines + lane_of_warp()]);
  if (lane_of_warp() == 0) range[0] = least, range[1] = most;
}

// The plan is exp(logs - row - column): the matrix stays as it is, the scalings change a vector each.

// row[i] = log sum exp of logs[i, k] - column[k] over k, times n.
__global__ void rows_kernel(int64_t n, int64_t codes, const double* logs, const double* column, double* row) {
  const int64_t i = tensor::cuda::row_of_warp();
  if (i >= n) return;
  const double* x = logs + i * codes;
  double most = -INFINITY, sum = 0;
  for (int64_t k = lane_of_warp(); k < codes; k += kWarp) most = fmax(most, x[k] - column[k]);
  most = warp_largest(most);
  for (int64_t k = lane_of_warp(); k < codes; k += kWarp) sum += exp(x[k] - column[k] - most);
  sum = tensor::cuda::warp_sum(sum);
  if (lane_of_warp() == 0) row[i] = most + log(sum * static_cast<double>(n));
}

// column[k] = log sum exp of logs[i, k] - row[i] over i, times codes. A block has 32 columns and kLines lines.
__global__ void columns_kernel(int64_t n, int64_t codes, const double* logs, const double* row, double* column) {
  double* memory = tensor::cuda::shared_memory<double>() + threadIdx.x;  // [kLines, 33], its column
  const int64_t k = int64_t{blockIdx.x} * kWarp + threadIdx.x;
  double most = -INFINITY, sum = 0;
  for (int64_t i = threadIdx.y; k < codes && i < n; i += kLines) most = fmax(most, logs[i * codes + k] - row[i]);
  memory[threadIdx.y * (kWarp + 1)] = most;
  __syncthreads();
  for (unsigned line = 0; line < kLines; ++line) most = fmax(most, memory[line * (kWarp + 1)]);
  __syncthreads();
  for (int64_t i = threadIdx.y; k < codes && i < n; i += kLines) sum += exp(logs[i * codes + k] - row[i] - most);
  memory[threadIdx.y * (kWarp + 1)] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || k >= codes) return;
  for (unsigned line = 1; line < kLines; ++line) sum += memory[line * (kWarp + 1)];
  column[k] = most + log(sum * static_cast<double>(codes));
}

static void logarithms_cuda(const Tensor& distances, const SinkhornOptions& options, Tensor& logs) {
  const int64_t n = logs.rows(), codes = logs.columns();
  const float* d = tensor::cuda::floats(distances);
  Tensor range = scratch(2, DType::f64), row = Tensor::zeros({n}, DType::f64, tensor::Device::cuda);
  Tensor column = Tensor::zeros({codes}, DType::f64, tensor::Device::cuda);
  double *ends = range.data<double>(), *x = logs.data<double>(), *u = row.data<double>(), *v = column.data<double>();
  const double epsilon = options.epsilon;
  tensor::cuda::launch("sinkhorn.range", dim3(1), dim3(kLines * kWarp), 2 * kLines * sizeof(double), range_kernel,
                       logs.size(), d, ends);
  tensor::cuda::for_each("sinkhorn.start", logs.size(), [=] __device__(int64_t i) {
    const double middle = (ends[1] + ends[0]) / 2, half = (ends[1] - ends[0]) / 2 + 1e-5;
    x[i] = -(static_cast<double>(d[i]) - middle) / half / epsilon;
  });
  const dim3 blocks(static_cast<unsigned>((codes + kWarp - 1) / kWarp));
  for (int i = 0; i < options.iterations; ++i) {
    tensor::cuda::launch_rows("sinkhorn.rows", n, rows_kernel, n, codes, x, v, u);
    tensor::cuda::launch("sinkhorn.columns", blocks, dim3(kWarp, kLines), kTile, columns_kernel, n, codes, x, u, v);
  }
  tensor::cuda::for_each("sinkhorn.end", logs.size(), [=] __device__(int64_t i) { x[i] -= u[i / codes] + v[i % codes]; });
}

__global__ void largest_kernel(int64_t n, int64_t codes, const double* logs, int32_t* index) {
  const int64_t i = tensor::cuda::row_of_warp();
  if (i >= n) return;
  double most = -INFINITY;
  int best = static_cast<int>(codes);
  for (int k = lane_of_warp(); k < codes; k += kWarp) {
    if (logs[i * codes + k] > most) most = logs[i * codes + k], best = k;
  }
  double least = -most;
  tensor::cuda::warp_least(least, best);
  if (lane_of_warp() == 0) index[i] = best < codes ? best : 0;  // no number: distances that are not finite
}

static void largest_cuda(const Tensor& logs, Tensor& index) {
  tensor::cuda::launch_rows("sinkhorn.largest", logs.rows(), largest_kernel, logs.rows(), logs.columns(),
                            logs.data<double>(), index.data<int32_t>());
}

static const bool sinkhorn_bound = logarithms.bind_cuda(logarithms_cuda) && largest.bind_cuda(largest_cuda);

}  // namespace quant::sinkhorn_kernels
