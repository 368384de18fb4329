#include "autograd/ops/add.h"

#include "tensor/cuda/map.h"

namespace autograd::add_kernels {

static void forward_cuda(const Tensor& x, const Tensor& y, Tensor& z) {
  const auto sum = [] __device__(float x, float y) { return x + y; };
  if (x.size() == y.size()) return tensor::cuda::map("add.forward", z, sum, x, y);
  const float *px = tensor::cuda::floats(x), *py = tensor::cuda::floats(y);
  float* pz = tensor::cuda::floats(z);
  const int64_t columns = y.size();
  tensor::cuda::for_each("add.forward", x.size(), [=] __device__(int64_t i) { pz[i] = px[i] + py[i % columns]; });
}

static const bool add_bound = forward.bind_cuda(forward_cuda);

}  // namespace autograd::add_kernels
