// What the CUDA kernels of the attention operations share. A block works on one head of one sequence, a warp on four queries,
// or, for the gradients of keys and values, on four keys. Probabilities stand in device memory: of a sequence
// [head][query][key] side by side, negative where dropped. Device code.
#pragma once

#include <algorithm>

#include "autograd/ops/attention.h"
#include "tensor/cuda/random.h"
#include "tensor/cuda/rounding.h"
#include "tensor/cuda/rows.h"

namespace autograd {

using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

inline constexpr unsigned kAttentionThreads = 128;
inline constexpr int kAttentionWarps = kAttentionThreads / kWarp;
inline constexpr size_t kMostSharedBytes = 96 << 10;  // of a block, on every GPU from compute capability 8.0 on
inline constexpr int kRowsAtOnce = 4;                 // of a warp

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
  int rows_per_query, longest_keys;
  const int64_t* starts;  // of the probabilities of each sequence; null: sequences have room for longest_keys
  DeviceColumns q, k, v;
  // Dropout of the probabilities; threshold 0: none.
  tensor::cuda::DeviceKey key;
  uint32_t threshold;
  float keep_scale;
  bool staged;          // tensor cores: the matrices of the longest sequence fit into shared memory
  int staged_rows = 0;  // without them: so many rows of two matrices do
};

// Decides about `staged_rows`; returns the shared memory that a block needs.
inline size_t shared_bytes_of(AttentionProblem& x, int64_t longest) {
  const int64_t steps = kAttentionThreads * kRowsAtOnce * sizeof(float), row = 2 * (x.width + 1) * sizeof(float);
  x.staged_rows = static_cast<int>(std::min(longest, (static_cast<int64_t>(kMostSharedBytes) - steps) / row));
  return static_cast<size_t>(steps + x.staged_rows * row);
}

// The block's sequence and head.
struct AttentionBlock {
  int64_t sequence, q_row, k_row, start, column;
  int head, queries, keys;

  __device__ explicit AttentionBlock(const AttentionProblem& x)
      : sequence(blockIdx.x),
        q_row(int64_t{x.q_offsets[sequence]} * x.rows_per_query),
        k_row(x.k_offsets[sequence]),
        head(static_cast<int>(blockIdx.y)) {
    queries = static_cast<int>(int64_t{x.q_offsets[sequence + 1]} * x.rows_per_query - q_row);
    keys = static_cast<int>(x.k_offsets[sequence + 1] - k_row);
    start = (x.starts ? x.starts[sequence] : q_row * x.longest_keys * x.heads) + int64_t{head} * queries * keys;
    column = int64_t{head} * x.width;
  }
};

__device__ inline bool is_kept(const AttentionProblem& x, const tensor::PhiloxBlock& bits, int word) {
  return tensor::philox_word(bits, word) >= x.threshold;
}

// Which elements dropout keeps in 32 neighbouring columns of kRowsAtOnce rows: bit u for row u in the lane's column, the first of
// which is element(u). A block of random bits serves eight elements, so eight lanes have those of a row.
template <class Element>
__device__ uint32_t kept_of_group(const AttentionProblem& x, Element element) {
  const int lane = lane_of_warp();
  const tensor::PhiloxBlock bits = tensor::philox_block(x.key(), static_cast<uint64_t>(element(lane / 8)) / 8 + lane % 8);
  uint32_t of_block = 0, kept = 0;
  for (int word = 0; word < 8; ++word) of_block |= uint32_t{is_kept(x, bits, word)} << word;
  for (int u = 0; u < kRowsAtOnce; ++u) {
    const int at = static_cast<int>(element(u) % 8) + lane;  // from the first of the row's blocks
    kept |= (__shfl_sync(tensor::cuda::kAllLanes, of_block, 8 * u + at / 8) >> at % 8 & 1) << u;
  }
  return kept;
}

// A matrix that the block reads again and again. LaneSums reads kAhead numbers of a column before it uses the first: only one
// from device memory, where addresses take two registers each.
struct DeviceRows {
  static constexpr int kAhead = 1;
  const float* data;
  int64_t stride;
  __device__ float operator()(int r, int c) const { return data[r * stride + c]; }
};

// In shared memory a row is one element longer, so that the lanes of a warp, each at the same column of another row, meet no
// bank twice.
struct SharedRows {
  static constexpr int kAhead = 4;
  const float* data;
  int stride;
  __device__ float operator()(int r, int c) const { return data[r * stride + c]; }
};

template <class Rows>
struct Flipped {
  static constexpr int kAhead = Rows::kAhead;
  Rows rows;
  __device__ float operator()(int r, int c) const { return rows(c, r); }
};
template <class Rows>
Flipped(Rows) -> Flipped<Rows>;

// The rows of the block's head from `first` on.
__device__ inline DeviceRows rows_of(const AttentionBlock& b, const DeviceColumns& x, int64_t first) {
  return {x.row(first) + b.column, x.stride};
}

// Each thread asks for several elements before it waits for the first.
__device__ inline SharedRows stage(float* to, const DeviceRows& from, int rows, int width) {
  constexpr int kAtOnce = 8;
  for (int first = static_cast<int>(threadIdx.x / kWarp); first < rows; first += kAttentionWarps * kAtOnce) {
    for (int c = lane_of_warp(); c < width; c += kWarp) {
      float read[kAtOnce];
#pragma unroll
      for (int n = 0; n < kAtOnce; ++n) {
        const int r = first + n * kAttentionWarps;
        read[n] = r < rows ? from(r, c) : 0.f;
      }
#pragma unroll
      for (int n = 0; n < kAtOnce; ++n) {
        const int r = first + n * kAttentionWarps;
        if (r < rows) to[r * (width + 1) + c] = read[n];
      }
    }
  }
  return {to, width + 1};
}

// f(a, b), in shared memory if they fit. Called by all threads of the block.
template <class F>
__device__ void with_matrices(const AttentionProblem& x, int rows, const DeviceRows& a, const DeviceRows& b, F f) {
  if (rows > x.staged_rows) return f(a, b);
  float* memory = tensor::cuda::shared_memory<float>() + kAttentionThreads * kRowsAtOnce;
  const SharedRows staged_a = stage(memory, a, rows, x.width);
  const SharedRows staged_b = stage(memory + rows * (x.width + 1), b, rows, x.width);
  __syncthreads();
  f(staged_a, staged_b);
}

// The rows that a warp works on at once. After the last one of all it comes again; what is made of that is not to be written.
struct RowGroup {
  int first, count;
  __device__ bool exists(int u) const { return first + u < count; }
  __device__ int row(int u) const { return exists(u) ? first + u : count - 1; }
};

// f(group) for the groups of this warp.
template <class F>
__device__ void for_groups(int rows, F f) {
  const int warp = static_cast<int>(threadIdx.x / kWarp);
  for (int first = warp * kRowsAtOnce; first < rows; first += kAttentionWarps * kRowsAtOnce) f(RowGroup{first, rows});
}

struct alignas(16) OfGroup {
  float row[kRowsAtOnce];
};

// Of a product whose left side has the rows of a group, the sums of this lane: in kParts columns, 32 from each other.
template <int kParts>
struct LaneSums {
  int first, columns;
  float sums[kParts][kRowsAtOnce] = {};

  // += left(u, k) right(k, column) for k from begin to end, in this order. The warp reads 32 columns of `left` at a time and
  // passes them on in shared memory, where a lane gets the numbers of all rows at once.
  template <class Left, class Right>
  __device__ void add(int begin, int end, Left left, Right right) {
    const int lane = lane_of_warp();
    OfGroup* step = tensor::cuda::shared_memory<OfGroup>() + threadIdx.x / kWarp * kWarp;
    for (int k = begin; k < end; k += kWarp) {
      __syncwarp();  // the last step is over, and what the lanes wrote can be read by `left`
      float read[kRowsAtOnce];
#pragma unroll
      for (int r = 0; r < kRowsAtOnce; ++r) {
        const int n = r * kWarp + lane, column = k + n / kRowsAtOnce;
        read[r] = column < end ? left(n % kRowsAtOnce, column) : 0.f;
      }
#pragma unroll
      for (int r = 0; r < kRowsAtOnce; ++r) {
        const int n = r * kWarp + lane;
        step[n / kRowsAtOnce].row[n % kRowsAtOnce] = read[r];
      }
      __syncwarp();
      const int last = end - k < kWarp ? end - k : kWarp;
#pragma unroll Right::kAhead
      for (int e = 0; e < last; ++e) {
        const OfGroup x = step[e];
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
          const int column = first + part * kWarp;
          const float y = right(k + e, column < columns ? column : columns - 1);
#pragma unroll
          for (int u = 0; u < kRowsAtOnce; ++u) sums[part][u] += x.row[u] * y;
        }
      }
    }
  }

  // f(u, column, sum)
  template <class F>
  __device__ void for_each(F f) const {
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      if (first + part * kWarp >= columns) continue;
#pragma unroll
      for (int u = 0; u < kRowsAtOnce; ++u) f(u, first + part * kWarp, sums[part][u]);
    }
  }
};

// f(sums), 0 yet, until all columns of a product had their turn.
template <class F>
__device__ void for_columns(int columns, F f) {
  for (int c = 0; c < columns; c += 3 * kWarp) {
    const int first = c + lane_of_warp();
    if (columns - c <= kWarp) {
      f(LaneSums<1>{first, columns});
    } else if (columns - c <= 2 * kWarp) {
      f(LaneSums<2>{first, columns});
    } else {
      f(LaneSums<3>{first, columns});
    }
  }
}

// p = dropout(softmax(scale (q k^T + bias))), out = p v. Scores of head h get bias(block, i, j) before they are scaled.
template <class Bias>
__global__ void attend_kernel(AttentionProblem x, Bias bias, float* probabilities, DeviceColumns out) {
  using namespace tensor::cuda;
  const AttentionBlock b(x);
  const DeviceRows q = rows_of(b, x.q, b.q_row);
  with_matrices(x, b.keys, rows_of(b, x.k, b.k_row), rows_of(b, x.v, b.k_row), [&](const auto& k, const auto& v) {
    for_groups(b.queries, [&](const RowGroup& i) {
      const auto p = [&](int u, int j) -> float& { return probabilities[b.start + int64_t{i.row(u)} * b.keys + j]; };
      const int seen = x.causal ? i.row(kRowsAtOnce - 1) + 1 : b.keys;  // by one of the queries at least
      float largest[kRowsAtOnce], total[kRowsAtOnce] = {};
      for (float& most : largest) most = -INFINITY;
      for_columns(seen, [&](auto scores) {
        scores.add(0, x.width, [&](int u, int c) { return q(i.row(u), c); }, Flipped{k});
        scores.for_each([&](int u, int j, float sum) {
          const bool hidden = x.causal && j > i.row(u);
          const float score = hidden ? -INFINITY : x.scale * (sum + bias(b, i.row(u), j));
          largest[u] = fmaxf(largest[u], score);
          if (i.exists(u)) p(u, j) = score;
        });
      });
      for (float& most : largest) most = warp_max(most);
      for (int j = lane_of_warp(); j < seen; j += kWarp) {
        for (int u = 0; u < kRowsAtOnce; ++u) total[u] += expf(p(u, j) - largest[u]);
      }
      for (float& sum : total) sum = 1 / warp_sum(sum);
      for (int first = 0; first < b.keys; first += kWarp) {
        const int j = first + lane_of_warp();
        const auto element = [&](int u) { return b.start + int64_t{i.row(u)} * b.keys + first; };
        const uint32_t kept = x.threshold == 0 ? ~0u : kept_of_group(x, element);
        float probability[kRowsAtOnce];
        for (int u = 0; u < kRowsAtOnce; ++u) probability[u] = j < seen ? expf(p(u, j) - largest[u]) * total[u] : 0.f;
        for (int u = 0; u < kRowsAtOnce; ++u) {
          if (i.exists(u) && j < b.keys) p(u, j) = kept >> u & 1 ? probability[u] : -probability[u];
        }
      }
      for_columns(x.width, [&](auto sums) {
        sums.add(0, seen, [&](int u, int j) { return fmaxf(p(u, j), 0.f); }, v);
        sums.for_each([&](int u, int c, float sum) {
          if (i.exists(u)) out.row(b.q_row + i.row(u))[b.column + c] = x.keep_scale * sum;
        });
      });
    });
  });
}

// Assigns dq, dk, dv and the gradient of the bias, ds, packed as the probabilities. Where dk and dv are one, it gets the sum.
static __global__ void attend_backward_kernel(AttentionProblem x, const float* probabilities, DeviceColumns dout,
                                              float* scores, DeviceColumns dq, DeviceColumns dk, DeviceColumns dv) {
  using namespace tensor::cuda;
  const AttentionBlock b(x);
  const DeviceRows q = rows_of(b, x.q, b.q_row), dy = rows_of(b, dout, b.q_row), p = {probabilities + b.start, b.keys};
  float* ds = scores + b.start;
  with_matrices(x, b.keys, rows_of(b, x.k, b.k_row), rows_of(b, x.v, b.k_row), [&](const auto& k, const auto& v) {
    for_groups(b.queries, [&](const RowGroup& i) {
      const auto line = [&](int u, int j) -> float& { return ds[int64_t{i.row(u)} * b.keys + j]; };
      const int seen = x.causal ? i.row(kRowsAtOnce - 1) + 1 : b.keys;  // by one of the queries at least
      float mean[kRowsAtOnce] = {};
      for_columns(seen, [&](auto dp) {
        dp.add(0, x.width, [&](int u, int c) { return dy(i.row(u), c); }, Flipped{v});
        dp.for_each([&](int u, int j, float sum) {
          const float weight = p(i.row(u), j), kept = weight > 0 ? x.keep_scale * sum : 0.f;
          mean[u] += fmaxf(weight, 0.f) * kept;
          if (i.exists(u)) line(u, j) = kept;
        });
      });
      for (float& sum : mean) sum = warp_sum(sum);
      for (int j = lane_of_warp(); j < b.keys; j += kWarp) {
        float score[kRowsAtOnce];
        for (int u = 0; u < kRowsAtOnce; ++u) {
          score[u] = j < seen ? (line(u, j) - mean[u]) * (fabsf(p(i.row(u), j)) * x.scale) : 0.f;
        }
        for (int u = 0; u < kRowsAtOnce; ++u) {
          if (i.exists(u)) line(u, j) = score[u];
        }
      }
      for_columns(x.width, [&](auto sums) {
        sums.add(0, seen, line, k);
        sums.for_each([&](int u, int c, float sum) {
          if (i.exists(u)) dq.row(b.q_row + i.row(u))[b.column + c] = sum;
        });
      });
    });
  });
  __syncthreads();
  with_matrices(x, b.queries, q, dy, [&](const auto& q, const auto& dy) {
    for_groups(b.keys, [&](const RowGroup& j) {
      const int first = x.causal ? j.first : 0;  // query that sees one of the keys
      const auto of_key = [&](int u, int c) -> float& { return dk.row(b.k_row + j.row(u))[b.column + c]; };
      const auto of_value = [&](int u, int c) -> float& { return dv.row(b.k_row + j.row(u))[b.column + c]; };
      for_columns(x.width, [&](auto sums) {
        sums.add(first, b.queries, [&](int u, int i) { return ds[int64_t{i} * b.keys + j.row(u)]; }, q);
        sums.for_each([&](int u, int c, float sum) {
          if (j.exists(u)) of_key(u, c) = sum;
        });
      });
      const bool same = dk.data == dv.data;
      for_columns(x.width, [&](auto sums) {
        sums.add(first, b.queries, [&](int u, int i) { return fmaxf(p(i, j.row(u)), 0.f); }, dy);
        sums.for_each([&](int u, int c, float sum) {
          if (j.exists(u)) of_value(u, c) = x.keep_scale * sum + (same ? of_key(u, c) : 0.f);
        });
      });
    });
  });
}

}  // namespace autograd
