#include "genrec/inner_product.h"

#include "genrec/block_top_k.h"

namespace genrec::inner_product_kernels {

// A block is a row.
__global__ void top_k_kernel(int64_t count, int k, int capacity, const float* scores, const int32_t* begins,
                             const int32_t* excluded, int32_t* items, float* values) {
  const int64_t row = blockIdx.x;
  BlockTopK top(tensor::cuda::shared_memory<unsigned char>(), capacity, k);
  const int32_t *out = excluded + begins[row], *end = excluded + begins[row + 1];
  for (int64_t base = 0; base < count; base += kTopThreads) {
    const int64_t item = base + threadIdx.x;
    uint64_t candidate = 0;
    if (item < count) candidate = candidate_of(scores[row * count + item], static_cast<uint32_t>(item));
    if (top.accepts(candidate) && holds(out, end, static_cast<int32_t>(item))) candidate = 0;
    top.offer(candidate);
  }
  top.finish();
  for (int i = static_cast<int>(threadIdx.x); i < k; i += kTopThreads) {
    const bool used = i < top.count();
    items[row * k + i] = used ? static_cast<int32_t>(place_of(top.best()[i])) : -1;
    values[row * k + i] = used ? score_of(top.best()[i]) : 0.f;
  }
}

static void top_k_cuda(const tensor::Tensor& scores, const tensor::Tensor& begins, const tensor::Tensor& excluded,
                       tensor::Tensor& best) {
  const int64_t rows = scores.rows(), k = best.columns();
  const int capacity = top_capacity(k);
  int32_t* items = best.data<int32_t>();
  tensor::cuda::launch("inner_product.top_k", dim3(static_cast<unsigned>(rows)), dim3(kTopThreads), top_bytes(capacity),
                       top_k_kernel, scores.columns(), static_cast<int>(k), capacity, tensor::cuda::floats(scores),
                       tensor::cuda::indices(begins), tensor::cuda::indices(excluded), items,
                       reinterpret_cast<float*>(items + rows * k));
}

static const bool top_k_bound = top_k.bind_cuda(top_k_cuda);

}  // namespace genrec::inner_product_kernels
