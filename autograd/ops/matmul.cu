#include "autograd/ops/matmul.h"

#include "tensor/cuda/gemm.h"
#include "tensor/cuda/map.h"

namespace autograd::matmul_kernels {

using tensor::cuda::floats;

static void product_cuda(const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, Options options) {
  const int64_t inner = options.transpose_a ? a.rows() : a.columns(), columns = y.columns();
  float* py = floats(y);
  tensor::cuda::gemm(options.transpose_a, options.transpose_b, y.rows(), columns, inner, floats(a), a.columns(), floats(b),
                     b.columns(), py, columns, /*accumulate=*/false, tensor::precision());
  if (!bias.defined() && !options.relu) return;
  const float* pb = tensor::cuda::floats_or_null(bias);
  const bool relu = options.relu;
  tensor::cuda::for_each("matmul.epilogue", y.size(), [=] __device__(int64_t i) {
    const float value = pb ? py[i] + pb[i % columns] : py[i];
    py[i] = relu ? fmaxf(value, 0) : value;
  });
}

static const bool matmul_bound = product.bind_cuda(product_cuda);

}  // namespace autograd::matmul_kernels
