#include "autograd/ops/bpr_loss.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"

namespace autograd::bpr_loss_kernels {

using tensor::cuda::floats;

static void forward_cuda(const Tensor& positive, const Tensor& negative, Tensor& loss) {
  const float *p = floats(positive), *n = floats(negative);
  float* result = floats(loss);
  const double size = static_cast<double>(positive.size());
  tensor::cuda::sum(
      "bpr_loss.forward", positive.size(),
      [=] __device__(int64_t i) -> double {
        const float x = n[i] - p[i];
        return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
      },
      [=] __device__(double total) { *result = static_cast<float>(total / size); });
}

static void backward_cuda(const Tensor& positive, const Tensor& negative, const Tensor& dloss, Tensor& dnegative) {
  const float* g = floats(dloss);
  const float inverse = static_cast<float>(1 / static_cast<double>(positive.size()));
  tensor::cuda::map(
      "bpr_loss.backward", dnegative, [=] __device__(float p, float n) { return *g * inverse / (1 + expf(p - n)); },
      positive, negative);
}

static const bool bpr_loss_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::bpr_loss_kernels
