#include "autograd/ops/scalar_mlps.h"

#include "tensor/cuda/sums.h"

namespace autograd::scalar_mlps_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

struct Networks {
  int count, width, hidden;  // hidden: of one network
  const float *w[kMostScalars], *v[kMostScalars];
};

static Networks networks_of(const Tensor& x, const std::vector<Tensor>& weights) {
  Networks all{static_cast<int>(weights.size() / 2), static_cast<int>(x.columns()), static_cast<int>(weights[1].size()), {}, {}};
  for (int i = 0; i < all.count; ++i) all.w[i] = floats(weights[2 * i]), all.v[i] = floats(weights[2 * i + 1]);
  return all;
}

__global__ void forward_kernel(int64_t rows, Networks all, const float* x, float* hidden, float* y) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * all.width;
  for (int i = 0; i < all.count; ++i) {
    float* values = hidden + (r * all.count + i) * all.hidden;
    const float result = tensor::cuda::warp_sum_of(all.hidden, [&](int64_t u) {
      float sum = 0;
      for (int k = 0; k < all.width; ++k) sum += x[k] * all.w[i][k * all.hidden + u];
      values[u] = fmaxf(sum, 0);
      return values[u] * all.v[i][u];
    });
    if (lane_of_warp() == 0) y[r * all.count + i] = result;
  }
}

__global__ void dx_kernel(int64_t rows, Networks all, const float* hidden, const float* dy, float* dx) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  for (int k = lane_of_warp(); k < all.width; k += kWarp) {
    float sum = 0;
    for (int i = 0; i < all.count; ++i) {
      const float *values = hidden + (r * all.count + i) * all.hidden, *w = all.w[i] + k * all.hidden;
      float of_network = 0;
      for (int u = 0; u < all.hidden; ++u) of_network += values[u] > 0 ? all.v[i][u] * w[u] : 0.f;
      sum += dy[r * all.count + i] * of_network;
    }
    dx[r * all.width + k] = sum;
  }
}

static void forward_cuda(const Tensor& x, const std::vector<Tensor>& weights, Tensor& hidden, Tensor& y) {
  tensor::cuda::launch_rows("scalar_mlps.forward", x.rows(), forward_kernel, x.rows(), networks_of(x, weights), floats(x),
                            floats(hidden), floats(y));
}

static void backward_cuda(const Tensor& x, const std::vector<Tensor>& weights, const Tensor& hidden, const Tensor& dy,
                          Tensor& dx, Tensor& dweights) {
  const Networks all = networks_of(x, weights);
  const float *px = floats(x), *ph = floats(hidden), *pdy = floats(dy);
  // Element j of dweights: of W of network i, row k, or, below its last row, of v.
  const auto part = [=] __device__(int64_t r, int64_t j) {
    const int of_network = (all.width + 1) * all.hidden, i = static_cast<int>(j) / of_network;
    const int u = static_cast<int>(j) % all.hidden, k = static_cast<int>(j) % of_network / all.hidden;
    const float value = ph[(r * all.count + i) * all.hidden + u], d = pdy[r * all.count + i];
    if (k == all.width) return d * value;
    return value > 0 ? d * all.v[i][u] * px[r * all.width + k] : 0.f;
  };
  tensor::cuda::sum_rows("scalar_mlps.backward", x.rows(), dweights.size(), part, floats(dweights));
  if (!dx.defined()) return;
  tensor::cuda::launch_rows("scalar_mlps.dx", x.rows(), dx_kernel, x.rows(), all, ph, pdy, floats(dx));
}

static const bool scalar_mlps_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::scalar_mlps_kernels
