#include "autograd/ops/decode_attention.h"

#include <algorithm>

#include "tensor/cuda/rows.h"

namespace autograd::decode_attention_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

// A row of q and a head, of one warp, over `count` keys; key(j) points to a row of [keys | values]. p [count] is the warp's
// own.
template <class Key, class Bias>
__device__ void attend_row(const float* q, int count, Key key, Bias bias, int width, int columns, float scale, float* p,
                           float* out) {
  float largest = -INFINITY;
  for (int j = lane_of_warp(); j < count; j += kWarp) {
    const float* k = key(j);
    float score = 0;
    for (int c = 0; c < width; ++c) score += q[c] * k[c];
    p[j] = scale * (score + bias(j));
    largest = fmaxf(largest, p[j]);
  }
  largest = tensor::cuda::warp_max(largest);
  float total = 0;
  for (int j = lane_of_warp(); j < count; j += kWarp) total += p[j] = expf(p[j] - largest);
  const float inverse = 1 / tensor::cuda::warp_sum(total);
  __syncwarp();
  for (int c = lane_of_warp(); c < width; c += kWarp) {
    float sum = 0;
    for (int j = 0; j < count; ++j) sum += p[j] * key(j)[columns + c];
    out[c] = count > 0 ? sum * inverse : 0.f;
  }
}

struct Rows {
  int64_t rows;
  int heads, width;
  float scale;
  int64_t longest;  // keys of a row
  float* memory;    // [rows, heads, longest]
  float* out;
};

__global__ void self_kernel(Rows x, int steps, const float* const* caches, const int32_t* ancestors, const float* biases) {
  const int64_t task = tensor::cuda::row_of_warp(), r = task / x.heads, h = task % x.heads;
  if (r >= x.rows) return;
  const int columns = x.heads * x.width;
  const int64_t at = r * columns + h * x.width;
  attend_row(
      caches[steps - 1] + 3 * r * columns + h * x.width, steps,
      [&](int j) { return caches[j] + (3 * int64_t{ancestors[r * steps + j]} + 1) * columns + h * x.width; },
      [&](int j) { return biases ? biases[j * x.heads + h] : 0.f; }, x.width, columns, x.scale, x.memory + task * x.longest,
      x.out + at);
}

__global__ void cross_kernel(Rows x, const float* q, const float* kv, const int32_t* offsets, const int32_t* users) {
  const int64_t task = tensor::cuda::row_of_warp(), r = task / x.heads, h = task % x.heads;
  if (r >= x.rows) return;
  const int columns = x.heads * x.width;
  const int64_t at = r * columns + h * x.width, first = offsets[users[r]];
  attend_row(
      q + at, static_cast<int>(offsets[users[r] + 1] - first),
      [&](int j) { return kv + (first + j) * 2 * columns + h * x.width; }, [](int) { return 0.f; }, x.width, columns,
      x.scale, x.memory + task * x.longest, x.out + at);
}

static Rows rows_of(const AttentionOptions& options, int64_t longest, Tensor& memory, Tensor& out) {
  return {out.rows(),
          options.heads,
          static_cast<int>(out.columns() / options.heads),
          static_cast<float>(options.scale),
          longest,
          floats(memory),
          floats(out)};
}

static void self_cuda(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                      const Tensor& bias, Tensor& out) {
  std::vector<const float*> caches;
  for (const Tensor& step : steps) caches.push_back(floats(step));
  const Tensor pointers = tensor::cuda::upload(caches);
  const int64_t count = static_cast<int64_t>(steps.size());
  Tensor memory = tensor::cuda::scratch(out.rows() * options.heads * count);
  tensor::cuda::launch_rows("decode_attention.self", out.rows() * options.heads, self_kernel,
                            rows_of(options, count, memory, out), count,
                            reinterpret_cast<const float* const*>(pointers.raw()), tensor::cuda::indices(ancestors),
                            tensor::cuda::floats_or_null(bias));
}

static void cross_cuda(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                       const AttentionOptions& options, Tensor& out) {
  const auto at = k_offsets.span<int32_t>();
  int64_t longest = 0;
  for (size_t u = 1; u < at.size(); ++u) longest = std::max<int64_t>(longest, at[u] - at[u - 1]);
  Tensor memory = tensor::cuda::scratch(q.rows() * options.heads * longest);
  tensor::cuda::launch_rows("decode_attention.cross", q.rows() * options.heads, cross_kernel,
                            rows_of(options, longest, memory, out), floats(q), floats(kv), tensor::cuda::indices(k_offsets),
                            tensor::cuda::indices(row_user));
}

static const bool decode_attention_bound = self.bind_cuda(self_cuda) && cross.bind_cuda(cross_cuda);

}  // namespace autograd::decode_attention_kernels
