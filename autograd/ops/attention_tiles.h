// Attention in bf16 on tensor cores: kernels that stand in for those of attention_warps.h, with the same arguments and
// results. Both sides of the products S = Q K^T, out = P' V, dP' = dO V^T, dQ = dS K, dK = dS^T Q and dV = P'^T dO are
// rounded, where P' is P after dropout and its scale; softmax, bias, dropout, and P and dS in memory are fp32. A block works
// on one head of one sequence, a warp on 16 queries or, for the gradients of keys and values, on 16 keys. Device code.
#pragma once

#include "autograd/ops/attention_warps.h"
#include "tensor/cuda/product_tile.h"
#include "tensor/precision.h"

namespace autograd {

using tensor::cuda::kTileRows;
using tensor::cuda::ProductTile;
using tensor::cuda::RoundedOnRead;
using tensor::cuda::StagedMatrix;
using tensor::cuda::Transposed;

using KeyTile = ProductTile<32>;     // of a [queries, keys] matrix
using ColumnTile = ProductTile<64>;  // of a result

// Decides about `staged`; returns the shared memory that a block needs. `of_queries`: matrices with a row for each query.
inline size_t shared_bytes_of(AttentionProblem& x, int64_t longest_queries, int64_t longest_keys, int of_queries,
                              tensor::Precision precision) {
  if (precision == tensor::Precision::fp32) {
    return shared_bytes_of(x, of_queries == 2 ? std::max(longest_queries, longest_keys) : longest_keys);
  }
  const auto rows = [](int64_t n) { return (n + 15) / 16 * 16; };
  const int64_t words = (of_queries * rows(longest_queries) + 2 * rows(longest_keys)) * tensor::cuda::staged_stride(x.width);
  x.staged = words <= static_cast<int64_t>(kMostSharedBytes / sizeof(uint32_t));
  return x.staged ? static_cast<size_t>(words) * sizeof(uint32_t) : 0;
}

// Rows of the block's head where they are in memory, 0 beyond.
struct HeadRows {
  const float* data;
  int64_t stride;
  int rows, width;
  __device__ float operator()(int r, int c) const { return r < rows && c < width ? data[r * stride + c] : 0.f; }
};

// f(q, k, v, dout): the matrices of the block, staged if they fit. The other kernel has no dout and gives rows of none.
template <bool kStaged, class F>
__device__ void with_matrices(const AttentionProblem& x, const AttentionBlock& b, const float* dout, int64_t dout_stride, F f) {
  const auto rows = [&](const float* data, int64_t stride, int count) {
    return RoundedOnRead<HeadRows>{{data, stride, count, x.width}};
  };
  const auto q = rows(x.q.row(b.q_row) + b.column, x.q.stride, b.queries);
  const auto k = rows(x.k.row(b.k_row) + b.column, x.k.stride, b.keys);
  const auto v = rows(x.v.row(b.k_row) + b.column, x.v.stride, b.keys);
  const auto dy = rows(dout, dout_stride, dout ? b.queries : 0);
  if constexpr (kStaged) {
    uint32_t* memory = tensor::cuda::shared_memory<uint32_t>();
    const StagedMatrix of_q = stage_rounded(memory, q, b.queries, x.width), of_k = stage_rounded(memory, k, b.keys, x.width),
                       of_v = stage_rounded(memory, v, b.keys, x.width),
                       of_dy = dout ? stage_rounded(memory, dy, b.queries, x.width) : StagedMatrix{};
    __syncthreads();
    f(of_q, of_k, of_v, of_dy);
  } else {
    f(q, k, v, dy);
  }
}

// Of a warp, for 16 rows of a matrix of `keys` columns, of which those below `limit` matter: fill(tile, j) computes a tile
// of columns from j on, and gather(tile, j) sees it. When all were seen, weigh(tile, j) makes weights of them, and weights
// times m is the result, handed to write(tile, c). Keys that fit into one tile stay in registers in between, more are filled
// again.
template <class Fill, class Gather, class Weigh, class M, class Write>
__device__ void weigh_rows(int keys, int limit, int width, Fill fill, Gather gather, Weigh weigh, const M& m, Write write) {
  KeyTile x;
  for (int j = 0; j < limit; j += KeyTile::kColumns) {
    fill(x, j);
    gather(x, j);
  }
  for (int c = 0; c < width; c += ColumnTile::kColumns) {
    ColumnTile y;
    y.clear();
    for (int j = 0; j < keys; j += KeyTile::kColumns) {
      if (keys > KeyTile::kColumns) fill(x, j);
      if (keys > KeyTile::kColumns || c == 0) weigh(x, j);
      y.add(x, m, j, limit, c, width);
    }
    write(y, c);
  }
}

// Which keys the 16 queries from `row` on see.
struct SeenKeys {
  int row, queries, keys, limit;
  bool causal;
  __device__ SeenKeys(const AttentionProblem& x, const AttentionBlock& b, int first_row)
      : row(first_row), queries(b.queries), keys(b.keys), limit(b.keys), causal(x.causal) {
    if (causal && row + kTileRows < keys) limit = row + kTileRows;
  }
  __device__ bool stored(int i, int j) const { return i < queries && j < keys; }
  __device__ bool operator()(int i, int j) const { return i < queries && j < (causal ? i + 1 : keys); }
};

// Bit 0 for `element`, bit 1 for the one after it.
__device__ inline uint32_t kept_pair(const AttentionProblem& x, int64_t element) {
  const tensor::PhiloxKey key = x.key();
  const auto block = static_cast<uint64_t>(element) / 8;
  const int word = static_cast<int>(element % 8);
  tensor::PhiloxBlock bits = tensor::philox_block(key, block);
  const uint32_t first = is_kept(x, bits, word);
  if (word == 7) bits = tensor::philox_block(key, block + 1);
  return first | uint32_t{is_kept(x, bits, (word + 1) % 8)} << 1;
}

// Which of the lane's elements of a tile are kept by dropout, a bit for each in the order of for_each. `start` is the
// element at the tile's corner, rows are `stride` apart. A block of random bits serves eight elements, so mostly both of a
// pair.
__device__ inline uint32_t kept_of_tile(const AttentionProblem& x, int64_t start, int stride) {
  const int g = tensor::cuda::lane_of_warp() / 4, t = tensor::cuda::lane_of_warp() % 4 * 2;
  uint32_t kept = 0;
#pragma unroll 1
  for (int pair = 0; pair < 2 * KeyTile::kParts; ++pair) {
    const int64_t element = start + int64_t{g + pair % 2 * 8} * stride + pair / 2 * 8 + t;
    kept |= kept_pair(x, element) << 2 * pair;
  }
  return kept;
}

// Assigns a tile of the result to the rows from `first` on.
__device__ inline void write_tile(ColumnTile& tile, const DeviceColumns& to, int64_t first, int rows, int64_t column,
                                  int columns) {
  tile.for_each([&](int, int r, int c, float value) {
    if (r < rows && c < columns) to.rounded.set((first + r) * to.stride + column + c, to.row(first + r)[column + c] = value);
  });
}

// As attend_kernel: p = softmax(scale (q k^T + bias)), out = dropout(p) v.
template <bool kStaged, class Bias>
__global__ void attend_tiles_kernel(AttentionProblem x, Bias bias, float* probabilities, DeviceColumns out) {
  using namespace tensor::cuda;
  const AttentionBlock b(x);
  float* p = probabilities + b.start;
  with_matrices<kStaged>(x, b, nullptr, 0, [&](const auto& q, const auto& k, const auto& v, const auto&) {
    for (int row = static_cast<int>(threadIdx.x / kWarp) * kTileRows; row < b.queries;
         row += static_cast<int>(blockDim.x / kWarp) * kTileRows) {
      const SeenKeys seen(x, b, row);
      float largest[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};  // of the lane's two rows
      const auto scores = [&](KeyTile& s, int first) {
        s.clear();
        s.add(q, row, Transposed{k}, 0, x.width, first, seen.limit);
        s.for_each([&](int, int r, int c, float& score) {
          const int i = row + r, j = first + c;
          score = seen(i, j) ? x.scale * (score + bias(b, i, j)) : -INFINITY;
        });
      };
      const auto gather = [&](KeyTile& s, int) {
        float most[2] = {largest[0], largest[1]}, sum[2] = {0, 0};
        s.for_each([&](int half, int, int, float score) { most[half] = fmaxf(most[half], score); });
        most[0] = tile_row_max(most[0]), most[1] = tile_row_max(most[1]);
        s.for_each([&](int half, int, int, float score) { sum[half] += expf(score - most[half]); });
        for (int half = 0; half < 2; ++half) {
          total[half] = total[half] * expf(largest[half] - most[half]) + tile_row_sum(sum[half]);
          largest[half] = most[half];
        }
      };
      const auto weigh = [&](KeyTile& s, int first) {
        const float inverse[2] = {1 / total[0], 1 / total[1]};
        uint32_t kept = x.threshold == 0 ? ~0u : kept_of_tile(x, b.start + int64_t{row} * b.keys + first, b.keys);
        s.for_each([&](int half, int r, int c, float& score) {
          const int i = row + r, j = first + c;
          const float probability = seen(i, j) ? expf(score - largest[half]) * inverse[half] : 0.f;
          if (seen.stored(i, j)) p[int64_t{i} * b.keys + j] = kept & 1 ? probability : -probability;
          score = kept & 1 ? x.keep_scale * probability : 0.f;
          kept >>= 1;
        });
      };
      weigh_rows(b.keys, seen.limit, x.width, scores, gather, weigh, v, [&](ColumnTile& y, int c) {
        write_tile(y, out, b.q_row + row, b.queries - row, b.column + c, x.width - c);
      });
    }
  });
}

// As attend_backward_kernel: dq, dk, dv and, packed as the probabilities, ds.
template <bool kStaged>
__global__ void attend_tiles_backward_kernel(AttentionProblem x, const float* probabilities, DeviceColumns dout, float* scores,
                                             DeviceColumns dq, DeviceColumns dk, DeviceColumns dv) {
  using namespace tensor::cuda;
  const AttentionBlock b(x);
  const int warp = static_cast<int>(threadIdx.x / kWarp), warps = static_cast<int>(blockDim.x / kWarp);
  const float *p = probabilities + b.start, *dy_data = dout.row(b.q_row) + b.column;
  float* ds = scores + b.start;
  with_matrices<kStaged>(
      x, b, dy_data, dout.stride, [&](const auto& q, const auto& k, const auto& v, const auto& dy) {
        for (int row = warp * kTileRows; row < b.queries; row += warps * kTileRows) {
          const SeenKeys seen(x, b, row);
          const auto probability = [&](int i, int j) { return seen(i, j) ? p[int64_t{i} * b.keys + j] : 0.f; };
          float mean[2] = {0, 0};  // of the lane's two rows
          const auto dp = [&](KeyTile& tile, int first) {
            tile.clear();
            tile.add(dy, row, Transposed{v}, 0, x.width, first, seen.limit);
            tile.for_each([&](int, int r, int c, float& sum) {
              sum = probability(row + r, first + c) > 0 ? x.keep_scale * sum : 0.f;
            });
          };
          const auto gather = [&](KeyTile& tile, int first) {
            float total[2] = {0, 0};
            tile.for_each(
                [&](int half, int r, int c, float sum) { total[half] += fabsf(probability(row + r, first + c)) * sum; });
            for (int half = 0; half < 2; ++half) mean[half] += tile_row_sum(total[half]);
          };
          const auto weigh = [&](KeyTile& tile, int first) {
            tile.for_each([&](int half, int r, int c, float& sum) {
              sum = (sum - mean[half]) * (fabsf(probability(row + r, first + c)) * x.scale);
            });
            tile.for_each([&](int, int r, int c, float sum) {
              if (seen.stored(row + r, first + c)) ds[int64_t{row + r} * b.keys + first + c] = sum;
            });
          };
          weigh_rows(b.keys, seen.limit, x.width, dp, gather, weigh, k, [&](ColumnTile& y, int c) {
            write_tile(y, dq, b.q_row + row, b.queries - row, b.column + c, x.width - c);
          });
        }
        __syncthreads();
        const bool same = dk.data == dv.data;
        const int per_row = same ? 1 : 2;
        for (int task = warp; task * kTileRows < per_row * up_to_16(b.keys); task += warps) {  // 16 rows of dk, of dv or of both
          const bool of_key = same || task % 2 == 0, of_value = same || !of_key;
          const int row = task / per_row * kTileRows;
          // Field by field: a reference to either would keep both in local memory.
          const DeviceColumns to = {of_value ? dv.data : dk.data, of_value ? dv.stride : dk.stride,
                                    {of_value ? dv.rounded.memory : dk.rounded.memory}};
          const auto weight = [&](const float* weights, int i, int j) {
            return i < b.queries && j < b.keys ? weights[int64_t{i} * b.keys + j] : 0.f;
          };
          const auto score = [&](int i, int j) { return weight(ds, i, j); };
          const auto kept = [&](int i, int j) {
            const float w = weight(p, i, j);
            return w > 0 ? x.keep_scale * w : 0.f;
          };
          for (int c = 0; c < x.width; c += ColumnTile::kColumns) {
            ColumnTile y;
            y.clear();
            const auto add = [&](const auto& weights, const auto& right) {
              const RoundedOnRead<std::remove_cvref_t<decltype(weights)>> matrix{weights};
              y.add(Transposed{matrix}, row, right, x.causal ? row : 0, b.queries, c, x.width);
            };
            if (of_key) add(score, q);
            if (of_value) add(kept, dy);
            write_tile(y, to, b.k_row + row, b.keys - row, b.column + c, x.width - c);
          }
        }
      });
}

// The kernels for a problem that knows whether its matrices are staged.
template <class Bias>
auto* attend_kernel_of(const AttentionProblem& x, tensor::Precision precision) {
  if (precision == tensor::Precision::fp32) return attend_kernel<Bias>;
  return x.staged ? attend_tiles_kernel<true, Bias> : attend_tiles_kernel<false, Bias>;
}
inline auto* attend_backward_kernel_of(const AttentionProblem& x, tensor::Precision precision) {
  if (precision == tensor::Precision::fp32) return attend_backward_kernel;
  return x.staged ? attend_tiles_backward_kernel<true> : attend_tiles_backward_kernel<false>;
}

}  // namespace autograd
