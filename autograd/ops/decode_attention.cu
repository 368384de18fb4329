#include "autograd/ops/decode_attention.h"

#include "autograd/ops/relative_table.h"
#include "tensor/cuda/rows.h"

namespace autograd::decode_attention_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

constexpr int kColumns = 64;                       // of the keys that are staged at a time
constexpr int kStaged = kWarp * (kColumns + 1);    // floats; a column more, so that lanes meet different banks
constexpr int kWarpMemory = kStaged + kWarp;       // floats of shared memory of a warp
constexpr int kMostSteps = 32;

// A row of q and a head, of one warp, over `count` keys, kWarp of them at a time; key(j) points to a row of [keys | values].
template <class Key, class Bias>
__device__ void attend_row(const float* q, int count, Key key, Bias bias, int width, int columns, float scale, float* out) {
  const int lane = lane_of_warp(), line = kColumns + 1;
  float* staged = tensor::cuda::shared_memory<float>() + threadIdx.x / kWarp * kWarpMemory;  // [keys, columns]
  float* weights = staged + kStaged;                                                         // [keys]
  float largest = -INFINITY, total = 0;
  for (int first = 0; first < count; first += kWarp) {
    const int here = count - first < kWarp ? count - first : kWarp;
    float score = 0;  // of key first + lane
    for (int at = 0; at < width; at += kColumns) {
      const int part = width - at < kColumns ? width - at : kColumns;
      __syncwarp();
      for (int j = 0; j < here; ++j) {
        const float* k = key(first + j) + at;
        for (int c = lane; c < part; c += kWarp) staged[j * line + c] = k[c];
      }
      __syncwarp();
      for (int c = 0; lane < here && c < part; ++c) score += q[at + c] * staged[lane * line + c];
    }
    score = lane < here ? scale * (score + bias(first + lane)) : -INFINITY;
    const float most = fmaxf(largest, tensor::cuda::warp_max(score));
    const float weight = lane < here ? expf(score - most) : 0.f, shrink = first > 0 ? expf(largest - most) : 0.f;
    weights[lane] = weight;
    total = total * shrink + tensor::cuda::warp_sum(weight);
    __syncwarp();
    for (int c = lane; c < width; c += kWarp) {
      float sum = first > 0 ? out[c] * shrink : 0.f;
      for (int j = 0; j < here; ++j) sum += weights[j] * key(first + j)[columns + c];
      out[c] = sum;
    }
    largest = most;
  }
  for (int c = lane; c < width; c += kWarp) out[c] = count > 0 ? out[c] / total : 0.f;
}

struct Rows {
  int64_t rows;
  int heads, width;
  float scale;
  float* out;
};
struct Steps {
  int count;
  const float* of[kMostSteps];
};

__global__ void self_kernel(Rows x, Steps steps, const int32_t* ancestors, RelativeTable bias) {
  const int64_t task = tensor::cuda::row_of_warp(), r = task / x.heads, h = task % x.heads;
  if (r >= x.rows) return;
  const int columns = x.heads * x.width;
  attend_row(
      steps.of[steps.count - 1] + 3 * r * columns + h * x.width, steps.count,
      [&](int j) { return steps.of[j] + (3 * int64_t{ancestors[r * steps.count + j]} + 1) * columns + h * x.width; },
      [&](int j) { return bias.at(j - (steps.count - 1), static_cast<int>(h)); }, x.width, columns, x.scale,
      x.out + r * columns + h * x.width);
}

// Rows of a user stand together, mostly: the warps of a block read the same keys.
__global__ void cross_kernel(Rows x, const float* q, const float* kv, const int32_t* offsets, const int32_t* users) {
  const int64_t task = tensor::cuda::row_of_warp(), r = task % x.rows, h = task / x.rows;
  if (h >= x.heads) return;
  const int columns = x.heads * x.width;
  const int64_t at = r * columns + h * x.width, first = offsets[users[r]];
  attend_row(
      q + at, static_cast<int>(offsets[users[r] + 1] - first),
      [&](int j) { return kv + (first + j) * 2 * columns + h * x.width; }, [](int) { return 0.f; }, x.width, columns,
      x.scale, x.out + at);
}

static Rows rows_of(const AttentionOptions& options, Tensor& out) {
  return {out.rows(), options.heads, static_cast<int>(out.columns() / options.heads), static_cast<float>(options.scale),
          floats(out)};
}

// A warp for every row and head.
template <class... Parameters, class... Arguments>
static void launch_warps(const char* name, const Rows& x, void (*kernel)(Rows, Parameters...),
                         const Arguments&... arguments) {
  constexpr int kWarps = tensor::cuda::kRowsPerBlock;
  const auto blocks = static_cast<unsigned>((x.rows * x.heads + kWarps - 1) / kWarps);
  tensor::cuda::launch(name, dim3(blocks), dim3(kWarps * kWarp), kWarps * kWarpMemory * sizeof(float), kernel, x,
                       arguments...);
}

static void self_cuda(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                      const Tensor& table, const Tensor& buckets, Tensor& out) {
  tensor::require(tensor::Fault::resources, steps.size() <= kMostSteps, "decode_attention: step ", steps.size(),
                  ", on a GPU there can be ", kMostSteps, "; use --device cpu");
  Steps caches{static_cast<int>(steps.size()), {}};
  for (int step = 0; step < caches.count; ++step) caches.of[step] = floats(steps[step]);
  launch_warps("decode_attention.self", rows_of(options, out), self_kernel, caches, tensor::cuda::indices(ancestors),
               relative_table(table, buckets));
}

static void cross_cuda(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                       const AttentionOptions& options, Tensor& out) {
  launch_warps("decode_attention.cross", rows_of(options, out), cross_kernel, floats(q), floats(kv),
               tensor::cuda::indices(k_offsets), tensor::cuda::indices(row_user));
}

static const bool decode_attention_bound = self.bind_cuda(self_cuda) && cross.bind_cuda(cross_cuda);

}  // namespace autograd::decode_attention_kernels
