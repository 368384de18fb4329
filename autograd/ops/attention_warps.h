// What the CUDA kernels of the attention operations share. A block works on one head of one sequence, a warp on one query,
// or, for the gradients of keys and values, on one key. Probabilities stand in device memory, packed as on the CPU:
// [sequence][head] [query][key], negative where dropped. Device code.
#pragma once

#include "autograd/ops/attention.h"
#include "tensor/cuda/rounding.h"
#include "tensor/cuda/rows.h"
#include "tensor/philox.h"

namespace autograd {

inline constexpr unsigned kAttentionThreads = 128;
inline constexpr size_t kMostSharedBytes = 96 << 10;  // of a block, on every GPU from compute capability 8.0 on

// Some columns of a row-major matrix; of a result also in bf16, at the same places.
struct DeviceColumns {
  float* data;
  int64_t stride;
  tensor::cuda::RoundedElements rounded = {};
  __device__ float* row(int64_t r) const { return data + r * stride; }
};

inline DeviceColumns columns_of(const Columns& x) {
  return {const_cast<float*>(tensor::cuda::floats(x.matrix)) + x.first, x.matrix.columns(),
          tensor::cuda::rounded_elements(x.rounded).from(x.first)};
}

struct AttentionProblem {
  int heads, width;
  float scale;
  bool causal;
  const int32_t *q_offsets, *k_offsets;
  const int64_t* starts;  // of the probabilities of each sequence
  DeviceColumns q, k, v;
  // Dropout of the probabilities; threshold 0: none.
  tensor::PhiloxKey key;
  uint32_t threshold;
  float keep_scale;
  bool staged;  // keys and values of the longest sequence fit into shared memory
};

// Decides about `staged`; returns the shared memory that a block needs.
inline size_t shared_bytes_of(AttentionProblem& x, int64_t longest_keys) {
  const size_t bytes = 2 * static_cast<size_t>(longest_keys) * (x.width + 1) * sizeof(float);
  x.staged = bytes <= kMostSharedBytes;
  return x.staged ? bytes : 0;
}

// The block's sequence and head.
struct AttentionBlock {
  int64_t sequence, q_row, k_row, start, column;
  int head, queries, keys;

  __device__ explicit AttentionBlock(const AttentionProblem& x)
      : sequence(blockIdx.x),
        q_row(x.q_offsets[sequence]),
        k_row(x.k_offsets[sequence]),
        head(static_cast<int>(blockIdx.y)) {
    queries = static_cast<int>(x.q_offsets[sequence + 1] - q_row);
    keys = static_cast<int>(x.k_offsets[sequence + 1] - k_row);
    start = x.starts[sequence] + int64_t{head} * queries * keys;
    column = int64_t{head} * x.width;
  }
};

__device__ inline bool is_kept(const AttentionProblem& x, const tensor::PhiloxBlock& bits, int word) {
  return tensor::philox_word(bits, word) >= x.threshold;
}
__device__ inline bool is_kept(const AttentionProblem& x, int64_t element) {
  return is_kept(x, tensor::philox_block(x.key, static_cast<uint64_t>(element) / 8), static_cast<int>(element % 8));
}

__device__ inline float dot_of(const float* x, const float* y, int width) {
  float sum = 0;
  for (int c = 0; c < width; ++c) sum += x[c] * y[c];
  return sum;
}

// The keys and values of the block, where they are read again and again. In shared memory a row is one element longer, so
// that the lanes of a warp, each at the same column of another row, meet no bank twice.
struct BlockRows {
  const float* data;
  int64_t stride;
  __device__ const float* row(int r) const { return data + r * stride; }
};

// `memory` is where the next rows go.
template <class F>
__device__ BlockRows stage(float*& memory, int rows, int width, F value) {
  float* to = memory;
  for (int e = static_cast<int>(threadIdx.x); e < rows * width; e += static_cast<int>(blockDim.x)) {
    to[e / width * (width + 1) + e % width] = value(e / width, e % width);
  }
  memory += rows * (width + 1);
  return {to, width + 1};
}

struct KeysAndValues {
  BlockRows k, v;

  __device__ KeysAndValues(const AttentionProblem& x, const AttentionBlock& b)
      : k{x.k.row(b.k_row) + b.column, x.k.stride}, v{x.v.row(b.k_row) + b.column, x.v.stride} {
    if (!x.staged) return;
    float* memory = tensor::cuda::shared_memory<float>();
    const BlockRows keys = k, values = v;
    k = stage(memory, b.keys, x.width, [&](int j, int c) { return keys.row(j)[c]; });
    v = stage(memory, b.keys, x.width, [&](int j, int c) { return values.row(j)[c]; });
    __syncthreads();
  }
};

// p = dropout(softmax(scale (q k^T + bias))), out = p v. Scores of head h get bias(block, i, j) before they are scaled.
template <class Bias>
__global__ void attend_kernel(AttentionProblem x, Bias bias, float* probabilities, DeviceColumns out) {
  using namespace tensor::cuda;
  const AttentionBlock b(x);
  const KeysAndValues kv(x, b);
  const int lane = lane_of_warp(), warps = static_cast<int>(blockDim.x / kWarp);
  for (int i = static_cast<int>(threadIdx.x / kWarp); i < b.queries; i += warps) {
    float* p = probabilities + b.start + int64_t{i} * b.keys;
    const float* q = x.q.row(b.q_row + i) + b.column;
    const int seen = x.causal ? i + 1 : b.keys;
    float largest = -INFINITY;
    for (int j = lane; j < seen; j += kWarp) {
      p[j] = x.scale * (dot_of(q, kv.k.row(j), x.width) + bias(b, i, j));
      largest = fmaxf(largest, p[j]);
    }
    largest = warp_max(largest);
    float total = 0;
    for (int j = lane; j < seen; j += kWarp) total += p[j] = expf(p[j] - largest);
    const float inverse = 1 / warp_sum(total);
    for (int j = lane; j < b.keys; j += kWarp) {
      const float probability = j < seen ? p[j] * inverse : 0.f;
      const bool kept = x.threshold == 0 || j >= seen || is_kept(x, b.start + int64_t{i} * b.keys + j);
      p[j] = kept ? probability : -probability;
    }
    __syncwarp();
    for (int c = lane; c < x.width; c += kWarp) {
      float sum = 0;
      for (int j = 0; j < seen; ++j) {
        if (p[j] > 0) sum += p[j] * kv.v.row(j)[c];
      }
      out.row(b.q_row + i)[b.column + c] = x.keep_scale * sum;
    }
  }
}

// Assigns dq, dk, dv and the gradient of the bias, ds, packed as the probabilities. Where dk and dv are one, it gets the sum.
static __global__ void attend_backward_kernel(AttentionProblem x, const float* probabilities, DeviceColumns dout,
                                              float* scores, DeviceColumns dq, DeviceColumns dk, DeviceColumns dv) {
  using namespace tensor::cuda;
  const AttentionBlock b(x);
  const KeysAndValues kv(x, b);
  const int lane = lane_of_warp(), warp = static_cast<int>(threadIdx.x / kWarp),
            warps = static_cast<int>(blockDim.x / kWarp);
  const float* probability = probabilities + b.start;
  float* ds = scores + b.start;
  for (int i = warp; i < b.queries; i += warps) {
    const float *p = probability + int64_t{i} * b.keys, *dy = dout.row(b.q_row + i) + b.column;
    float* line = ds + int64_t{i} * b.keys;
    const int seen = x.causal ? i + 1 : b.keys;
    float total = 0;
    for (int j = lane; j < b.keys; j += kWarp) {
      float dp = 0;
      if (j < seen && p[j] > 0) {
        const float* v = kv.v.row(j);
        for (int c = 0; c < x.width; ++c) dp += dy[c] * v[c];
        dp *= x.keep_scale;
        total += p[j] * dp;
      }
      line[j] = dp;
    }
    const float mean = warp_sum(total);
    for (int j = lane; j < b.keys; j += kWarp) line[j] = j < seen ? (line[j] - mean) * (fabsf(p[j]) * x.scale) : 0.f;
    __syncwarp();
    for (int c = lane; c < x.width; c += kWarp) {
      float sum = 0;
      for (int j = 0; j < seen; ++j) sum += line[j] * kv.k.row(j)[c];
      dq.row(b.q_row + i)[b.column + c] = sum;
    }
  }
  __syncthreads();
  for (int j = warp; j < b.keys; j += warps) {
    for (int c = lane; c < x.width; c += kWarp) {
      float of_key = 0, of_value = 0;
      for (int i = x.causal ? j : 0; i < b.queries; ++i) {
        const float p = probability[int64_t{i} * b.keys + j];
        of_key += ds[int64_t{i} * b.keys + j] * x.q.row(b.q_row + i)[b.column + c];
        if (p > 0) of_value += p * dout.row(b.q_row + i)[b.column + c];
      }
      const bool same = dk.data == dv.data;
      if (!same) dk.row(b.k_row + j)[b.column + c] = of_key;
      dv.row(b.k_row + j)[b.column + c] = x.keep_scale * of_value + (same ? of_key : 0.f);
    }
  }
}

}  // namespace autograd
