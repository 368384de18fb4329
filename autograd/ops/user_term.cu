#include "autograd/ops/user_term.h"

#include "autograd/ops/matmul.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/rounding.h"
#include "tensor/cuda/sums.h"

namespace autograd::user_term_kernels {

using tensor::cuda::floats;

constexpr unsigned kThreads = 128;  // of the block that each sequence has

struct Sequences {
  const float* scalars;
  int count;  // of a sequence
  Factors factors;
  const int32_t* offsets;

  __device__ float product(int64_t s, int without = -1) const { return product_of(scalars + s * count, factors, without); }
  __device__ bool has(int i) const { return i >= factors.first && i < factors.last; }
};

static Sequences sequences_of(const Tensor& scalars, Factors factors, const Tensor& offsets) {
  return {floats(scalars), static_cast<int>(scalars.columns()), factors, tensor::cuda::indices(offsets)};
}

__global__ void forward_kernel(Sequences x, int64_t columns, int64_t width, const float* z, float* y) {
  const int64_t s = blockIdx.x, begin = x.offsets[s], all = columns + width;
  const float factor = x.product(s);
  for (int64_t e = begin * columns + threadIdx.x; e < x.offsets[s + 1] * columns; e += blockDim.x) {
    const float* row = z + e / columns * all;
    const int64_t c = e % columns;
    y[e] = row[c] + factor * row[columns + c % width];
  }
}

__global__ void backward_kernel(Sequences x, int64_t columns, int64_t width, const float* z, const float* dy, float* dz,
                                tensor::cuda::RoundedElements rounded, float* dscalars) {
  const int64_t s = blockIdx.x, begin = x.offsets[s], all = columns + width;
  const float factor = x.product(s);
  const auto write = [&](int64_t i, float value) { rounded.set(i, dz[i] = value); };
  float dfactor = 0;
  for (int64_t e = begin * width + threadIdx.x; e < x.offsets[s + 1] * width; e += blockDim.x) {
    const int64_t r = e / width, c = e % width;
    float sum = 0;
    for (int64_t j = c; j < columns; j += width) {
      const float value = dy[r * columns + j];
      write(r * all + j, value);
      sum += value;
    }
    dfactor += sum * z[r * all + columns + c];
    write(r * all + columns + c, factor * sum);
  }
  dfactor = tensor::cuda::block_sum(dfactor, tensor::cuda::shared_memory<float>());
  for (int i = static_cast<int>(threadIdx.x); i < x.count; i += static_cast<int>(blockDim.x)) {
    dscalars[s * x.count + i] = x.has(i) ? dfactor * x.product(s, i) : 0.f;
  }
}

static void forward_cuda(const Tensor& z, const Tensor& scalars, Factors factors, const Tensor& offsets, Tensor& y) {
  tensor::cuda::launch("user_term.forward", dim3(static_cast<unsigned>(scalars.rows())), dim3(kThreads), 0, forward_kernel,
                       sequences_of(scalars, factors, offsets), y.columns(), z.columns() - y.columns(), floats(z), floats(y));
}

static void backward_cuda(const Tensor& z, const Tensor& scalars, Factors factors, const Tensor& offsets, const Tensor& dy,
                          Tensor& dz, Tensor& dscalars) {
  const Tensor rounded = matmul_kernels::rounded_of(dz);  // before it comes a product
  tensor::cuda::launch("user_term.backward", dim3(static_cast<unsigned>(scalars.rows())), dim3(kThreads),
                       kThreads / tensor::cuda::kWarp * sizeof(float), backward_kernel,
                       sequences_of(scalars, factors, offsets), dy.columns(), z.columns() - dy.columns(), floats(z), floats(dy),
                       floats(dz), tensor::cuda::rounded_elements(rounded), floats(dscalars));
  dz.set_rounded(rounded);
}

static const bool user_term_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::user_term_kernels
