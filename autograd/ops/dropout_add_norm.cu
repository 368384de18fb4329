#include "autograd/ops/dropout_add_norm.h"

#include "autograd/ops/dropout_cuda.h"
#include "autograd/ops/matmul.h"
#include "tensor/cuda/rounding.h"
#include "tensor/cuda/sums.h"

namespace autograd::dropout_add_norm_kernels {

using tensor::cuda::floats;
using tensor::cuda::floats_or_null;
using tensor::cuda::lane_of_warp;
using tensor::cuda::RoundedElements;
using tensor::cuda::warp_sum;

// An element of a row belongs to one lane in every loop, which may so read again what it wrote.
struct Row {
  int64_t begin, n;

  template <class F>
  __device__ void for_elements(F f) const {
    for (int64_t j = lane_of_warp(); j < n; j += tensor::cuda::kWarp) f(begin + j);
  }
  template <class F>
  __device__ float mean_of(F f) const {
    float sum = 0;
    for_elements([&](int64_t i) { sum += f(i); });
    return warp_sum(sum) / static_cast<float>(n);
  }
};

__global__ void forward_kernel(int64_t rows, int64_t n, DeviceDropout dropout, const float* x, const float* residual,
                               const float* weight, const float* shift, float epsilon, float* sum, float* y,
                               RoundedElements rounded, float* mean, float* inverse) {
  const int64_t r = tensor::cuda::row_of_warp();
  if (r >= rows) return;
  const Row row{r * n, n};
  row.for_elements([&](int64_t i) { sum[i] = __fadd_rn(dropout(i, x[i]), residual[i]); });
  const float m = mean ? row.mean_of([&](int64_t i) { return sum[i]; }) : 0.f;
  const float square = row.mean_of([&](int64_t i) { return (sum[i] - m) * (sum[i] - m); }), s = 1 / sqrtf(square + epsilon);
  row.for_elements([&](int64_t i) {
    const int64_t j = i - row.begin;
    rounded.set(i, y[i] = (sum[i] - m) * s * weight[j] + (shift ? shift[j] : 0.f));
  });
  if (lane_of_warp() > 0) return;
  inverse[r] = s;
  if (mean) mean[r] = m;
}

static void forward_cuda(const Tensor& x, const Tensor& residual, const Dropped& dropped, const Tensor& weight,
                         const Tensor& shift, double epsilon, Tensor& sum, Tensor& y, Tensor& mean, Tensor& inverse) {
  const Tensor rounded = matmul_kernels::rounded_of(y);
  tensor::cuda::launch_rows("dropout_add_norm.forward", x.rows(), forward_kernel, x.rows(), x.columns(),
                            DeviceDropout(dropped.p, dropped.stream), floats(x), floats(residual), floats(weight),
                            floats_or_null(shift), epsilon, floats(sum), floats(y), tensor::cuda::rounded_elements(rounded),
                            mean.defined() ? floats(mean) : nullptr, floats(inverse));
  y.set_rounded(rounded);
}

// Of x_hat = (sum - m) s: dresidual = dsum + s (w dy - mean(w dy) - x_hat mean(w dy x_hat)); root mean square has no mean.
template <int Sums>
static void backward_of(const Tensor& sum, const Tensor& weight, const Tensor& mean, const Tensor& inverse,
                        const Dropped& dropped, const Tensor& dsum, const Tensor& dy, Tensor& dx, Tensor& dresidual,
                        const tensor::cuda::ColumnSums<Sums>& sums) {
  const int64_t n = sum.columns();
  const float *x = floats(sum), *w = floats(weight), *means = floats_or_null(mean), *inverses = floats(inverse);
  const float *skipped = floats_or_null(dsum), *g = floats(dy);
  float *out = floats(dresidual), *dropped_out = dx.defined() ? floats(dx) : nullptr;
  Tensor& of_product = dx.defined() ? dx : dresidual;  // x was made by one
  const Tensor rounded = matmul_kernels::rounded_of(of_product);
  const RoundedElements copy = tensor::cuda::rounded_elements(rounded);
  const DeviceDropout dropout(dropped.p, dropped.stream);
  const auto row_backward = [=] __device__(int64_t r, auto add) {
    const Row row{r * n, n};
    const float m = means ? means[r] : 0.f, s = inverses[r];
    const auto wdy = [&](int64_t i) { return w[i - row.begin] * g[i]; };
    const auto x_hat = [&](int64_t i) { return (x[i] - m) * s; };
    const float shared = means ? row.mean_of(wdy) : 0.f, dot = row.mean_of([&](int64_t i) { return wdy(i) * x_hat(i); });
    row.for_elements([&](int64_t i) {
      const float normal = x_hat(i), d = s * (wdy(i) - shared - normal * dot) + (skipped ? skipped[i] : 0.f);
      out[i] = d;
      const float dropped_d = dropout(i, d);  // d where nothing is dropped
      if (dropped_out) dropped_out[i] = dropped_d;
      copy.set(i, dropped_d);
      add(0, i - row.begin, g[i] * normal);
      if constexpr (Sums == 2) add(1, i - row.begin, g[i]);
    });
  };
  tensor::cuda::rows_and_sums<Sums>("dropout_add_norm.backward", sum.rows(), n, row_backward, sums);
  of_product.set_rounded(rounded);
}

static void backward_cuda(const Tensor& sum, const Tensor& weight, const Tensor& mean, const Tensor& inverse,
                          const Dropped& dropped, const Tensor& dsum, const Tensor& dy, Tensor& dx, Tensor& dresidual,
                          Tensor& dweight, Tensor& dshift) {
  if (dshift.defined()) {
    return backward_of<2>(sum, weight, mean, inverse, dropped, dsum, dy, dx, dresidual, {{floats(dweight), floats(dshift)}});
  }
  backward_of<1>(sum, weight, mean, inverse, dropped, dsum, dy, dx, dresidual, {{floats(dweight)}});
}

static const bool dropout_add_norm_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::dropout_add_norm_kernels
