#include "quant/nearest.h"

#include "autograd/ops/row_dot.h"
#include "tensor/cuda/gemm.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/rows.h"

namespace quant::nearest_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

static Tensor norms_of(const Tensor& x) {
  Tensor norms = tensor::cuda::scratch(x.rows());
  autograd::row_dot_kernels::forward(x, x, norms);
  return norms;
}

static void squared_distances_cuda(const Tensor& x, const Tensor& codes, Tensor& distances) {
  const int64_t count = codes.rows(), width = x.columns();
  const Tensor x_norms = norms_of(x), code_norms = norms_of(codes);
  const float *px = floats(x_norms), *pe = floats(code_norms);
  float* d = floats(distances);
  tensor::cuda::gemm(false, true, x.rows(), count, width, floats(x), width, floats(codes), width, d, count);
  tensor::cuda::for_each("squared_distances", distances.size(), [=] __device__(int64_t i) {
    d[i] = fmaxf(0, px[i / count] + pe[i % count] - 2 * d[i]);
  });
}

// The lowest index of the smallest element of every row.
__global__ void argmin_kernel(int64_t rows, int64_t count, const float* distances, int32_t* index, float* distance) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const float* d = distances + r * count;
  float least = INFINITY;
  int best = static_cast<int>(count);
  for (int k = lane_of_warp(); k < count; k += kWarp) {
    if (d[k] < least) least = d[k], best = k;
  }
  for (int bits = kWarp / 2; bits > 0; bits /= 2) {
    const float other = __shfl_xor_sync(tensor::cuda::kAllLanes, least, bits);
    const int place = __shfl_xor_sync(tensor::cuda::kAllLanes, best, bits);
    if (other < least || (other == least && place < best)) least = other, best = place;
  }
  if (lane_of_warp() > 0) return;
  index[r] = best < count ? best : 0;  // no distance is a number: a row that is not finite
  distance[r] = d[best < count ? best : 0];
}

static void nearest_cuda(const Tensor& x, const Tensor& codes, Tensor& index, Tensor& distance) {
  Tensor distances({x.rows(), codes.rows()}, x.dtype(), x.device());
  squared_distances_cuda(x, codes, distances);
  tensor::cuda::launch_rows("nearest", x.rows(), argmin_kernel, x.rows(), codes.rows(), floats(distances),
                            index.data<int32_t>(), floats(distance));
}

static const bool nearest_bound = squared_distances.bind_cuda(squared_distances_cuda) && nearest.bind_cuda(nearest_cuda);

}  // namespace quant::nearest_kernels
