#include "autograd/ops/relation_attention.h"

#include <algorithm>

#include "autograd/ops/attention_head.h"
#include "autograd/ops/attention_tiles.h"
#include "autograd/ops/matmul.h"

namespace autograd::relation_attention_kernels {

using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::warp_sum;

// The user terms of every sequence: all heads share them.
struct User {
  const float *quv, *s;  // [tokens, 3*width], [sequences, 3]
  int width;
  const int64_t* starts;  // of the user scores [tokens, tokens] of each sequence

  __device__ const float* part(int i, int64_t row) const { return quv + row * 3 * width + i * width; }
};

struct UserScores {
  const float* scores;
  const int64_t* starts;
  __device__ float operator()(const AttentionBlock& b, int i, int j) const {
    return scores[starts[b.sequence] + int64_t{i} * b.keys + j];
  }
};

struct UserValues {
  User user;
  __device__ float operator()(const AttentionBlock& b, int j, int c) const {
    return user.s[3 * b.sequence + 2] * user.part(2, b.k_row + j)[c];
  }
};

// scores = (a XU_Q) (b XU_K)^T. A block per sequence.
__global__ void scores_kernel(User x, const int32_t* offsets, float* scores) {
  const int64_t sequence = blockIdx.x, row = offsets[sequence];
  const int n = static_cast<int>(offsets[sequence + 1] - row);
  const float factor = x.s[3 * sequence] * x.s[3 * sequence + 1];
  float* out = scores + x.starts[sequence];
  for (int e = static_cast<int>(threadIdx.x); e < n * n; e += static_cast<int>(blockDim.x)) {
    out[e] = factor * dot_of(x.part(0, row + e / n), x.part(1, row + e % n), x.width);
  }
}

// The gradients of quv and s from ds [sequence][head][n, n] and dv, both summed over the heads. A block per sequence.
__global__ void user_backward_kernel(User x, int heads, const int32_t* offsets, const int64_t* head_starts,
                                     const float* scores, DeviceColumns dv, float* du, float* dquv, float* ds) {
  float* memory = tensor::cuda::shared_memory<float>();  // two numbers per warp
  const int64_t sequence = blockIdx.x, row = offsets[sequence];
  const int n = static_cast<int>(offsets[sequence + 1] - row), width = x.width, threads = static_cast<int>(blockDim.x);
  const float a = x.s[3 * sequence], b = x.s[3 * sequence + 1], g = x.s[3 * sequence + 2];
  float* user = du + x.starts[sequence];  // [n, n]
  for (int e = static_cast<int>(threadIdx.x); e < n * n; e += threads) {
    float sum = 0;
    for (int h = 0; h < heads; ++h) sum += scores[head_starts[sequence] + int64_t{h} * n * n + e];
    user[e] = sum;
  }
  __syncthreads();
  float dab = 0, dg = 0;
  for (int e = static_cast<int>(threadIdx.x); e < n * width; e += threads) {
    const int i = e / width, c = e % width;
    float dq = 0, dk = 0, value = 0;
    for (int j = 0; j < n; ++j) {
      dq += user[i * n + j] * x.part(1, row + j)[c];
      dk += user[j * n + i] * x.part(0, row + j)[c];
    }
    for (int h = 0; h < heads; ++h) value += dv.row(row + i)[h * width + c];
    dab += dq * x.part(0, row + i)[c];
    dg += value * x.part(2, row + i)[c];
    float* out = dquv + (row + i) * 3 * width + c;
    out[0] = a * b * dq, out[width] = a * b * dk, out[2 * width] = g * value;
  }
  dab = warp_sum(dab), dg = warp_sum(dg);
  if (lane_of_warp() == 0) memory[2 * (threadIdx.x / kWarp)] = dab, memory[2 * (threadIdx.x / kWarp) + 1] = dg;
  __syncthreads();
  if (threadIdx.x > 0) return;
  dab = dg = 0;
  for (int w = 0; w < threads / kWarp; ++w) dab += memory[2 * w], dg += memory[2 * w + 1];
  ds[3 * sequence] = b * dab, ds[3 * sequence + 1] = a * dab, ds[3 * sequence + 2] = dg;
}

// What both passes need on the device.
struct Setting {
  Tensor starts, head_starts;  // of the user scores, of the probabilities
  int64_t user_size, size;
  tensor::Precision precision = tensor::precision();
  size_t shared;  // bytes of a block of the attention itself
  AttentionProblem problem;
  User user;
  dim3 sequences;

  // `of_queries`: as shared_bytes_of takes it.
  Setting(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets, const AttentionOptions& options,
          int of_queries)
      : sequences(static_cast<unsigned>(offsets.size() - 1)) {
    const std::vector<int64_t> user_starts = probability_starts(offsets, offsets, 1);
    std::vector<int64_t> all_starts = user_starts;
    for (int64_t& start : all_starts) start *= options.heads;
    user_size = user_starts.back(), size = all_starts.back();
    starts = tensor::cuda::upload(user_starts), head_starts = tensor::cuda::upload(all_starts);
    const int width = static_cast<int>(quv.columns() / 3);
    const int32_t* rows = tensor::cuda::indices(offsets);
    const auto columns = [&](int64_t i) { return columns_of({qkv, i * options.heads * width}); };
    problem = {.heads = options.heads,
               .width = width,
               .scale = static_cast<float>(options.scale),
               .causal = false,
               .q_offsets = rows,
               .k_offsets = rows,
               .starts = reinterpret_cast<const int64_t*>(head_starts.raw()),
               .q = columns(0),
               .k = columns(1),
               .v = columns(2),
               .key = {},
               .threshold = 0,
               .keep_scale = 1,
               .staged = false};
    int64_t longest = 0;
    const auto at = offsets.span<int32_t>();
    for (size_t i = 1; i < at.size(); ++i) longest = std::max<int64_t>(longest, at[i] - at[i - 1]);
    shared = shared_bytes_of(problem, longest, longest, of_queries, precision);
    user = {floats(quv), floats(s), width, reinterpret_cast<const int64_t*>(starts.raw())};
  }
  dim3 heads() const { return dim3(sequences.x, static_cast<unsigned>(problem.heads)); }
};

static void forward_cuda(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                         const AttentionOptions& options, Tensor& out, Tensor* saved) {
  const Setting x(qkv, quv, s, offsets, options, 1);
  Tensor scores = tensor::cuda::scratch(x.user_size), probabilities = tensor::cuda::scratch(x.size);
  const Tensor rounded = matmul_kernels::rounded_of(out);
  tensor::cuda::launch("relation_attention.scores", x.sequences, dim3(kAttentionThreads), 0, scores_kernel, x.user,
                       x.problem.q_offsets, floats(scores));
  tensor::cuda::launch("relation_attention.forward", x.heads(), dim3(kAttentionThreads), x.shared,
                       attend_kernel_of<UserScores, UserValues>(x.problem, x.precision), x.problem,
                       UserScores{floats(scores), x.user.starts}, UserValues{x.user}, floats(probabilities),
                       columns_of({out, 0, rounded}));
  out.set_rounded(rounded);
  if (saved) *saved = probabilities;
}

static void backward_cuda(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                          const AttentionOptions& options, const Tensor& saved, const Tensor& dout, Tensor& dqkv,
                          Tensor& dquv, Tensor& ds) {
  const Setting x(qkv, quv, s, offsets, options, 2);
  Tensor scores = tensor::cuda::scratch(x.size), du = tensor::cuda::scratch(x.user_size);
  const int64_t block = int64_t{x.problem.heads} * x.problem.width;
  const Tensor rounded = matmul_kernels::rounded_of(dqkv);
  const auto part = [&](int i) { return columns_of({dqkv, i * block, rounded}); };
  tensor::cuda::launch("relation_attention.backward", x.heads(), dim3(kAttentionThreads), x.shared,
                       attend_backward_kernel_of<UserValues>(x.problem, x.precision), x.problem, UserValues{x.user},
                       floats(saved), columns_of({dout}), floats(scores), part(0), part(1), part(2));
  constexpr size_t sums = 2 * kAttentionThreads / kWarp * sizeof(float);
  tensor::cuda::launch("relation_attention.user_backward", x.sequences, dim3(kAttentionThreads), sums, user_backward_kernel,
                       x.user, x.problem.heads, x.problem.q_offsets, x.problem.starts, floats(scores), part(2), floats(du),
                       floats(dquv), floats(ds));
  dqkv.set_rounded(rounded);
}

static const bool relation_attention_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::relation_attention_kernels
