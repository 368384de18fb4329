#include "autograd/ops/dropout.h"

#include "autograd/ops/dropout_cuda.h"
#include "tensor/cuda/map.h"

namespace autograd::dropout_kernels {

static void apply_cuda(const Tensor& x, const Tensor& residual, double p, const tensor::Random& stream, Tensor& y) {
  const float *px = tensor::cuda::floats(x), *pr = tensor::cuda::floats_or_null(residual);
  float* py = tensor::cuda::floats(y);
  const DeviceDropout dropout(p, stream);
  tensor::cuda::for_each("dropout", x.size(), [=] __device__(int64_t i) {
    const float value = dropout(i, px[i]);
    py[i] = pr ? __fadd_rn(value, pr[i]) : value;
  });
}

static const bool dropout_bound = apply.bind_cuda(apply_cuda);

}  // namespace autograd::dropout_kernels
