#include "autograd/ops/row_scale.h"

#include "tensor/cuda/map.h"

namespace autograd::row_scale_kernels {

static void forward_cuda(const Tensor& x, const Tensor& s, Tensor& y) {
  const int64_t columns = x.columns();
  const float *px = tensor::cuda::floats(x), *ps = tensor::cuda::floats(s);
  float* py = tensor::cuda::floats(y);
  tensor::cuda::for_each("row_scale.forward", x.size(), [=] __device__(int64_t i) { py[i] = ps[i / columns] * px[i]; });
}

static const bool row_scale_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::row_scale_kernels
