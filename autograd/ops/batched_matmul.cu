#include "autograd/ops/batched_matmul.h"

#include "tensor/cuda/gemm.h"
#include "tensor/cuda/runtime.h"

namespace autograd::batched_matmul_kernels {

static void product_cuda(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b, Tensor& y) {
  tensor::cuda::gemm_batched(transpose_a, transpose_b, y.shape()[0], y.shape()[1], y.shape()[2],
                             a.shape()[transpose_a ? 1 : 2], tensor::cuda::floats(a), tensor::cuda::floats(b),
                             tensor::cuda::floats(y), tensor::precision());
}

static const bool batched_matmul_bound = product.bind_cuda(product_cuda);

}  // namespace autograd::batched_matmul_kernels
