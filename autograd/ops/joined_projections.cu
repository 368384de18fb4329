#include <algorithm>

#include "autograd/ops/head_products.h"
#include "autograd/ops/matmul.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/rounding.h"
#include "tensor/divide.h"

namespace autograd::joined_projections_kernels {

constexpr int kSide = 16;  // of a tile: a block has a thread for each of its elements

struct ProductList {
  WeightProduct<float> products[std::tuple_size_v<WeightProducts<float>>] = {};
  bool rounded = false;  // both sides of the products are, to bf16
  // Of the keys, products of even number, and of the values: where they begin, and where they go in bf16.
  const float* first[2];
  tensor::cuda::RoundedElements copies[2];
};

// A block makes a tile of one product: blockIdx.x counts the tiles, y the heads, z the products.
__global__ void head_products_kernel(ProductList list) {
  const WeightProduct<float>& x = list.products[blockIdx.z];
  if (x.heads == 0) return;
  const int64_t columns = (x.size.n + kSide - 1) / kSide, head = blockIdx.y;
  const int64_t row = blockIdx.x / columns * kSide, column = blockIdx.x % columns * kSide;
  if (head >= (x.sum ? 1 : x.heads) || row >= x.size.m) return;
  float *left = tensor::cuda::shared_memory<float>(), *right = left + kSide * (kSide + 1);
  const int r = static_cast<int>(threadIdx.x) / kSide, c = static_cast<int>(threadIdx.x) % kSide;
  const auto read = [&](const OfHeads<const float>& from, int64_t h, bool transposed, int64_t i, int64_t j, int64_t rows,
                        int64_t width) {
    if (i >= rows || j >= width) return 0.f;
    const float value = from.data[h * from.step + (transposed ? j * from.stride + i : i * from.stride + j)];
    return list.rounded ? tensor::round_bf16(value) : value;
  };
  float total = 0;
  const auto add = [&](const OfHeads<const float>& a, const OfHeads<const float>& b, int64_t h) {
    for (int64_t k = 0; k < x.size.k; k += kSide) {
      __syncthreads();
      left[r * (kSide + 1) + c] = read(a, h, x.size.transpose_a, row + r, k + c, x.size.m, x.size.k);
      right[r * (kSide + 1) + c] = read(b, h, x.size.transpose_b, k + r, column + c, x.size.k, x.size.n);
      __syncthreads();
      for (int i = 0; i < kSide; ++i) total += left[r * (kSide + 1) + i] * right[i * (kSide + 1) + c];
    }
  };
  for (int64_t h = head; h < (x.sum ? x.heads : head + 1); ++h) {
    add(x.a, x.b, h);
    if (x.a2.data) add(x.a2, x.b2, h);
  }
  if (row + r >= x.size.m || column + c >= x.size.n) return;
  float* to = x.c.data + head * x.c.step + (row + r) * x.c.stride + column + c;
  *to = total;
  list.copies[blockIdx.z % 2].set(to - list.first[blockIdx.z % 2], total);
}

static void multiply(const char* name, const WeightProducts<float>& products, ProductList list) {
  int64_t tiles = 0, heads = 0, count = 0;
  for (const WeightProduct<float>& x : products) {
    list.products[count++] = x;
    if (x.heads == 0) continue;
    tiles = std::max(tiles, tensor::ceil_div(x.size.m, kSide) * tensor::ceil_div(x.size.n, kSide));
    heads = std::max(heads, x.sum ? 1 : x.heads);
  }
  list.rounded = tensor::precision() == tensor::Precision::bf16;
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(heads), static_cast<unsigned>(count));
  tensor::cuda::launch(name, grid, dim3(kSide * kSide), 2 * kSide * (kSide + 1) * sizeof(float), head_products_kernel, list);
}

static void forward_cuda(const Tensor& q, const Tensor& kv, const Tensor& user, const Tensor& out, int heads, Tensor& keys,
                         Tensor& values) {
  const Tensor rounded_keys = matmul_kernels::rounded_of(keys), rounded_values = matmul_kernels::rounded_of(values);
  multiply("joined_projections.forward", forward_products<float>({q, kv, user, out}, heads, keys, values),
           {.first = {tensor::cuda::floats(keys), tensor::cuda::floats(values)},
            .copies = {tensor::cuda::rounded_elements(rounded_keys), tensor::cuda::rounded_elements(rounded_values)}});
  keys.set_rounded(rounded_keys), values.set_rounded(rounded_values);
}

static void backward_cuda(const Tensor& q, const Tensor& kv, const Tensor& user, const Tensor& out, int heads,
                          const Tensor& dkeys, const Tensor& dvalues, Weights& gradients) {
  multiply("joined_projections.backward",
           backward_products<float>({q, kv, user, out}, heads, dkeys, dvalues, gradients), {});
}

static const bool joined_projections_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::joined_projections_kernels
