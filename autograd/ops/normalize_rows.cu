#include "autograd/ops/normalize_rows.h"

#include "tensor/cuda/sums.h"

namespace autograd::normalize_rows_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum_of;

struct FloorOnDevice {
  double least, share;
  const double* length;  // null: least alone

  __device__ operator float() const {
    const double measured = length ? share * *length : 0;
    return static_cast<float>(measured > least ? measured : least);
  }
};
static FloorOnDevice on_device(const LengthFloor& floor) {
  return {floor.least, floor.share, floor.length.defined() ? floor.length.data<double>() : nullptr};
}

__global__ void forward_kernel(int64_t rows, int64_t n, const float* x, FloorOnDevice floor, float* y, float* norm) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  x += r * n;
  const float length = sqrtf(warp_sum_of(n, [&](int64_t j) { return x[j] * x[j]; })), inverse = 1 / fmaxf(length, floor);
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) y[r * n + j] = x[j] * inverse;
  if (lane_of_warp() == 0) norm[r] = length;
}

__global__ void backward_kernel(int64_t rows, int64_t n, const float* y, const float* norm, FloorOnDevice floor,
                                const float* dy, float* dx) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  y += r * n, dy += r * n;
  const float least = floor, inverse = 1 / fmaxf(norm[r], least);
  const float dot = norm[r] >= least ? warp_sum_of(n, [&](int64_t j) { return y[j] * dy[j]; }) : 0.f;  // the warp agrees
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) dx[r * n + j] = (dy[j] - y[j] * dot) * inverse;
}

static void forward_cuda(const Tensor& x, const LengthFloor& floor, Tensor& y, Tensor& norm) {
  tensor::cuda::launch_rows("normalize_rows.forward", x.rows(), forward_kernel, x.rows(), x.columns(), floats(x),
                            on_device(floor), floats(y), floats(norm));
}

static void backward_cuda(const Tensor& y, const Tensor& norm, const LengthFloor& floor, const Tensor& dy, Tensor& dx) {
  tensor::cuda::launch_rows("normalize_rows.backward", y.rows(), backward_kernel, y.rows(), y.columns(), floats(y),
                            floats(norm), on_device(floor), floats(dy), floats(dx));
}

static void length_cuda(const Tensor& x, Tensor& length) {
  const float* px = floats(x);
  const double rows = static_cast<double>(x.rows() > 0 ? x.rows() : 1);
  double* result = length.data<double>();
  tensor::cuda::sum(
      "normalize_rows.length", x.size(), [=] __device__(int64_t i) { return double{px[i]} * px[i]; },
      [=] __device__(double sum) { *result = sqrt(sum / rows); });
}

static const bool normalize_rows_bound =
    forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda) && length.bind_cuda(length_cuda);

}  // namespace autograd::normalize_rows_kernels
