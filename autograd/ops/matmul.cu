#include "autograd/ops/matmul.h"

#include "autograd/ops/dropout_cuda.h"
#include "tensor/cuda/gemm.h"
#include "tensor/cuda/map.h"

namespace autograd::matmul_kernels {

using tensor::cuda::floats;

// An operand, or a copy rounded for this product alone.
static tensor::cuda::RoundedMatrix rounded(const Tensor& x) {
  if (x.dtype() == tensor::DType::bf16) return {x, x.columns()};
  if (const Tensor made = x.rounded(); made.defined()) return {made, x.columns()};
  return tensor::cuda::round_matrix(floats(x), x.rows(), x.columns());
}

static void round_cuda(const Tensor& x, Tensor& y) { y = rounded(x).memory.reshape(x.shape()); }

static void product_cuda(const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, Options options) {
  const int64_t inner = options.transpose_a ? a.rows() : a.columns(), columns = y.columns();
  float* py = floats(y);
  if (tensor::precision() == tensor::Precision::bf16) {
    tensor::cuda::gemm(options.transpose_a, options.transpose_b, y.rows(), columns, inner, rounded(a), rounded(b), py, columns,
                       options.accumulate);
  } else {
    tensor::cuda::gemm(options.transpose_a, options.transpose_b, y.rows(), columns, inner, floats(a), a.columns(), floats(b),
                       b.columns(), py, columns, options.accumulate);
  }
  if (!bias.defined() && !options.relu && options.dropout == 0) return;
  const float* pb = tensor::cuda::floats_or_null(bias);
  const bool relu = options.relu;
  const auto finished = [=] __device__(int64_t i) {
    const float value = pb ? py[i] + pb[i % columns] : py[i];
    return relu ? fmaxf(value, 0) : value;
  };
  Tensor rounded_y = relu ? rounded_of(y) : Tensor();  // after a ReLU comes a product
  const tensor::cuda::RoundedElements copy = tensor::cuda::rounded_elements(rounded_y);
  const int64_t size = y.size();
  if (options.dropout == 0) {
    tensor::cuda::for_each("matmul.epilogue", size, [=] __device__(int64_t i) { copy.set(i, py[i] = finished(i)); });
  } else {
    const DeviceDropout dropout(options.dropout, *options.stream);
    tensor::cuda::for_each("matmul.epilogue", size, [=] __device__(int64_t i) { copy.set(i, py[i] = dropout(i, finished(i))); });
  }
  y.set_rounded(rounded_y);
}

static const bool matmul_bound = product.bind_cuda(product_cuda) && round.bind_cuda(round_cuda);

}  // namespace autograd::matmul_kernels
