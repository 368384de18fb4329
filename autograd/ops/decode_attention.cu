#include "autograd/ops/decode_attention.h"

#include <algorithm>

#include "autograd/ops/relative_table.h"
#include "tensor/cuda/rows.h"

namespace autograd::decode_attention_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

constexpr int kColumns = 64;                       // of the keys that are staged at a time
constexpr int kStaged = kWarp * (kColumns + 1);    // floats; a column more, so that lanes meet different banks
constexpr int kWarpMemory = kStaged + kWarp;       // floats of shared memory of a warp
constexpr int kMostSteps = kWarp;                  // the keys of a row are met at once
constexpr int kCrossWarps = 8;                     // rows of a user at a time that share its keys and values

// One row of a head, by one warp, which meets its keys kWarp at a time: out is the softmax of the scores so far, not yet
// divided by their total, times the values.
struct RunningSoftmax {
  float* out;
  float* weights;  // shared memory, [kWarp]
  int width;
  float largest = -INFINITY, total = 0;

  // Lane j holds the score of key j < count; value(j, c).
  template <class Value>
  __device__ void add(float score, int count, Value value) {
    const int lane = lane_of_warp();
    const bool first = total == 0;
    if (lane >= count) score = -INFINITY;
    const float most = fmaxf(largest, tensor::cuda::warp_max(score));
    const float weight = lane < count ? expf(score - most) : 0.f, shrink = first ? 0.f : expf(largest - most);
    __syncwarp();
    weights[lane] = weight;
    total = total * shrink + tensor::cuda::warp_sum(weight);
    largest = most;
    __syncwarp();
    for (int c = lane; c < width; c += kWarp) {
      float sum = first ? 0.f : out[c] * shrink;
      for (int j = 0; j < count; ++j) sum += weights[j] * value(j, c);
      out[c] = sum;
    }
  }
  __device__ void finish() const {
    for (int c = lane_of_warp(); c < width; c += kWarp) out[c] = total == 0 ? 0.f : out[c] / total;
  }
};

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

// A warp works on a row and a head.
__global__ void self_kernel(Rows x, Steps steps, const int32_t* ancestors, RelativeTable bias) {
  const int64_t task = tensor::cuda::row_of_warp(), r = task / x.heads, h = task % x.heads;
  if (r >= x.rows) return;
  const int columns = x.heads * x.width, lane = lane_of_warp(), line = kColumns + 1;
  float* staged = tensor::cuda::shared_memory<float>() + threadIdx.x / kWarp * kWarpMemory;  // [steps, kColumns + 1]
  const float* q = steps.of[steps.count - 1] + 3 * r * columns + h * x.width;
  const auto key = [&](int j) {  // a row of [keys | values]
    return steps.of[j] + (3 * int64_t{ancestors[r * steps.count + j]} + 1) * columns + h * x.width;
  };
  float score = 0;  // of step `lane`
  for (int at = 0; at < x.width; at += kColumns) {
    const int part = x.width - at < kColumns ? x.width - at : kColumns;
    __syncwarp();
    for (int j = 0; j < steps.count; ++j) {
      const float* k = key(j) + at;
      for (int c = lane; c < part; c += kWarp) staged[j * line + c] = k[c];
    }
    __syncwarp();
    for (int c = 0; lane < steps.count && c < part; ++c) score += q[at + c] * staged[lane * line + c];
  }
  if (lane < steps.count) score = x.scale * (score + bias.at(lane - (steps.count - 1), static_cast<int>(h)));
  RunningSoftmax softmax{x.out + r * columns + h * x.width, staged + kStaged, x.width};
  softmax.add(score, steps.count, [&](int j, int c) { return key(j)[columns + c]; });
  softmax.finish();
}

// A block works on some rows and a head, on as many rows of one user at a time as it has warps, which share the user's keys and
// values.
__global__ void cross_kernel(Rows x, int64_t rows_of_block, const float* q, const float* kv, const int32_t* offsets,
                             const int32_t* users) {
  const int width = x.width, columns = x.heads * width, line = width + 1, lane = lane_of_warp();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  float *keys = tensor::cuda::shared_memory<float>(), *values = keys + kWarp * line;  // [kWarp, width + 1] each
  float* weights = values + kWarp * line + warp * kWarp;
  const int64_t begin = blockIdx.x * rows_of_block, column = int64_t{blockIdx.y} * width;
  const int64_t end = begin + rows_of_block < x.rows ? begin + rows_of_block : x.rows;
  for (int64_t first = begin, here = 0; first < end; first += here) {
    const int32_t user = users[first];
    for (here = 1; here < kCrossWarps && first + here < end && users[first + here] == user;) ++here;
    const bool works = warp < here;
    const int64_t at = (first + warp) * columns + column;
    RunningSoftmax softmax{x.out + at, weights, width};
    const int64_t key_row = offsets[user], count = offsets[user + 1] - key_row;
    for (int64_t done = 0; done < count; done += kWarp) {
      const int some = static_cast<int>(count - done < kWarp ? count - done : kWarp);
      __syncthreads();
      for (int e = static_cast<int>(threadIdx.x); e < some * width; e += static_cast<int>(blockDim.x)) {
        const float* from = kv + (key_row + done + e / width) * 2 * columns + column + e % width;
        keys[e / width * line + e % width] = from[0];
        values[e / width * line + e % width] = from[columns];
      }
      __syncthreads();
      if (!works) continue;
      float score = 0;
      for (int c = 0; lane < some && c < width; ++c) score += q[at + c] * keys[lane * line + c];
      softmax.add(x.scale * score, some, [&](int j, int c) { return values[j * line + c]; });
    }
    if (works) softmax.finish();
  }
}

static Rows rows_of(const AttentionOptions& options, Tensor& out) {
  return {out.rows(), options.heads, static_cast<int>(out.columns() / options.heads), static_cast<float>(options.scale),
          floats(out)};
}

static void self_cuda(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                      const Tensor& table, const Tensor& buckets, Tensor& out) {
  tensor::require(tensor::Fault::resources, steps.size() <= kMostSteps, "decode_attention: step ", steps.size(),
                  ", on a GPU there can be ", kMostSteps, "; use --device cpu");
  Steps caches{static_cast<int>(steps.size()), {}};
  for (int step = 0; step < caches.count; ++step) caches.of[step] = floats(steps[step]);
  const Rows x = rows_of(options, out);
  constexpr int kWarps = tensor::cuda::kRowsPerBlock;
  const auto blocks = static_cast<unsigned>((x.rows * x.heads + kWarps - 1) / kWarps);
  tensor::cuda::launch("decode_attention.self", dim3(blocks), dim3(kWarps * kWarp), kWarps * kWarpMemory * sizeof(float),
                       self_kernel, x, caches, tensor::cuda::indices(ancestors), relative_table(table, buckets));
}

static void cross_cuda(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                       const AttentionOptions& options, Tensor& out) {
  const Rows x = rows_of(options, out);
  const int64_t users = std::max<int64_t>(1, k_offsets.size() - 1), of_block = (x.rows + users - 1) / users;
  const dim3 blocks(static_cast<unsigned>(of_block > 0 ? (x.rows + of_block - 1) / of_block : 0),
                    static_cast<unsigned>(x.heads));
  const size_t shared = (2 * kWarp * (x.width + 1) + kCrossWarps * kWarp) * sizeof(float);
  tensor::cuda::launch("decode_attention.cross", blocks, dim3(kCrossWarps * kWarp), shared, cross_kernel, x, of_block,
                       floats(q), floats(kv), tensor::cuda::indices(k_offsets), tensor::cuda::indices(row_user));
}

static const bool decode_attention_bound = self.bind_cuda(self_cuda) && cross.bind_cuda(cross_cuda);

}  // namespace autograd::decode_attention_kernels
