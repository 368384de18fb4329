#include "autograd/ops/attention.h"

#include <algorithm>

#include "autograd/ops/attention_head.h"
#include "autograd/ops/attention_tiles.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/relative_table.h"
#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"
#include "tensor/cuda/uploads.h"
#include "tensor/offsets.h"

namespace autograd::attention_kernels {

using tensor::cuda::floats;

struct BiasOfBlock : RelativeTable {
  __device__ float operator()(const AttentionBlock& b, int i, int j) const { return at(j - i, b.head); }
};

// The gradient of the table from one sequence and head: parts[sequence, bucket, head] = sum of ds[i, i + d] over the
// distances d in the bucket. line [sequences, heads, 2*longest+1] holds the sums by distance.
__global__ void table_kernel(AttentionProblem x, const float* scores, RelativeTable table, int count, int longest,
                             float* line, float* parts) {
  const AttentionBlock b(x);
  const float* ds = scores + b.start;
  line += (b.sequence * x.heads + b.head) * (2 * longest + 1) + longest;
  for (int d = static_cast<int>(threadIdx.x) - b.queries + 1; d < b.keys; d += static_cast<int>(blockDim.x)) {
    const int first = d < 0 ? -d : 0, last = b.queries < b.keys - d ? b.queries : b.keys - d;
    float sum = 0;
    for (int i = first; i < last; ++i) sum += ds[int64_t{i} * b.keys + i + d];
    line[d] = sum;
  }
  __syncthreads();
  for (int bucket = static_cast<int>(threadIdx.x); bucket < count; bucket += static_cast<int>(blockDim.x)) {
    float sum = 0;
    for (int d = 1 - b.queries; d < b.keys; ++d) {
      if (table.bucket(d) == bucket) sum += line[d];
    }
    parts[(b.sequence * count + bucket) * x.heads + b.head] = sum;
  }
}

// probability_starts(), once for all attention of a recorded step that has these offsets.
static Tensor starts_of(const Tensor& q_offsets, const Tensor& k_offsets, int lines) {
  struct Known {
    Tensor q, k;
    int lines;
    Tensor starts;
  };
  static auto& known = *new std::vector<Known>;
  static int64_t step = 0;
  if (!tensor::cuda::capturing()) return probability_starts(q_offsets, k_offsets, lines);
  if (const int64_t now = tensor::cuda::uploads().step(); now != step) known.clear(), step = now;
  for (const Known& each : known) {
    if (each.q.raw() == q_offsets.raw() && each.k.raw() == k_offsets.raw() && each.lines == lines) return each.starts;
  }
  return known.emplace_back(q_offsets, k_offsets, lines, probability_starts(q_offsets, k_offsets, lines)).starts;
}

// What a launch of attention works on. Must live until the launch is made.
struct AttentionLaunch {
  AttentionProblem x;
  Tensor starts;             // i64 [sequences+1]; undefined without dropout
  int64_t probabilities;     // of all sequences and heads
  size_t shared;             // bytes of a block
  tensor::Precision precision = tensor::precision();

  // of_queries: matrices that a block holds with a row for each query.
  AttentionLaunch(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options, const AttentionInputs& inputs,
                  int64_t columns, int of_queries) {
    const int64_t longest_keys = tensor::longest_sequence(k_offsets.span<int32_t>());
    const int64_t longest_queries = options.rows_per_query * tensor::longest_sequence(q_offsets.span<int32_t>());
    // Every sequence has room for as many keys as the longest, so that the kernels find its place by its offsets. Dropout counts the
    // probabilities as the CPU does, one sequence behind the other.
    const int64_t lines = int64_t{options.heads} * options.rows_per_query;  // of a query
    probabilities = lines * q_offsets.span<int32_t>().back() * longest_keys;
    if (options.dropout > 0) starts = starts_of(q_offsets, k_offsets, static_cast<int>(lines));
    x = {.heads = options.heads,
         .width = static_cast<int>(columns / options.heads),
         .scale = static_cast<float>(options.scale),
         .causal = options.causal,
         .q_offsets = tensor::cuda::indices(q_offsets),
         .k_offsets = tensor::cuda::indices(k_offsets),
         .rows_per_query = options.rows_per_query,
         .longest_keys = static_cast<int>(longest_keys),
         .starts = starts.defined() ? tensor::cuda::places(starts) : nullptr,
         .q = columns_of(inputs.q),
         .k = columns_of(inputs.k),
         .v = columns_of(inputs.v),
         .key = options.stream,
         .threshold = options.dropout > 0 ? tensor::dropout_threshold(options.dropout) : 0,
         .keep_scale = static_cast<float>(1 / (1 - options.dropout)),
         .staged = false};
    shared = shared_bytes_of(x, longest_queries, longest_keys, of_queries, precision);
  }
};

static dim3 blocks_of(const Tensor& offsets, int heads) {
  return dim3(static_cast<unsigned>(offsets.size() - 1), static_cast<unsigned>(heads));
}

static void forward_cuda(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                         const AttentionInputs& inputs, const Tensor& buckets, Tensor& out, Tensor* saved) {
  const AttentionLaunch a(q_offsets, k_offsets, options, inputs, out.columns(), 1);
  Tensor probabilities = tensor::cuda::scratch(a.probabilities);
  const Tensor rounded = matmul_kernels::rounded_of(out);
  tensor::cuda::launch("attention.forward", blocks_of(q_offsets, options.heads), dim3(kAttentionThreads), a.shared,
                       attend_kernel_of<BiasOfBlock>(a.x, a.precision), a.x, BiasOfBlock{relative_table(inputs.table, buckets)},
                       floats(probabilities), columns_of({out, 0, rounded}));
  out.set_rounded(rounded);
  if (saved) *saved = probabilities;
}

// dtable[b, h] = sum over the sequences and over the distances in bucket b, added to what is there where `add`.
static void table_backward(const AttentionProblem& x, const Tensor& q_offsets, const Tensor& buckets, const float* scores,
                           bool add, Tensor& dtable) {
  const int longest = static_cast<int>(tensor::longest_sequence(q_offsets.span<int32_t>()));
  const int64_t sequences = q_offsets.size() - 1, size = dtable.size();
  Tensor lines = tensor::cuda::scratch(sequences * x.heads * (2 * longest + 1));
  Tensor parts = tensor::cuda::scratch(sequences * size);
  tensor::cuda::launch("attention.table", blocks_of(q_offsets, x.heads), dim3(kAttentionThreads), 0, table_kernel, x, scores,
                       relative_table(dtable, buckets), static_cast<int>(dtable.rows()), longest, floats(lines),
                       floats(parts));
  tensor::cuda::sum_rows("attention.dtable", sequences, size, tensor::cuda::RowParts{floats(parts), size}, floats(dtable),
                         add);
}

static void backward_cuda(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                          const AttentionInputs& inputs, const Tensor& buckets, const Tensor& saved, const Tensor& dout,
                          AttentionInputs& gradients) {
  const AttentionLaunch a(q_offsets, k_offsets, options, inputs, dout.columns(), 2);
  Tensor scores = tensor::cuda::scratch(saved.size());
  tensor::cuda::launch("attention.backward", blocks_of(q_offsets, options.heads), dim3(kAttentionThreads), a.shared,
                       attend_backward_kernel_of(a.x, a.precision), a.x, floats(saved), columns_of({dout}), floats(scores),
                       columns_of(gradients.q), columns_of(gradients.k), columns_of(gradients.v));
  if (!gradients.table.defined()) return;
  table_backward(a.x, q_offsets, buckets, floats(scores), gradients.add_to_table, gradients.table);
}

static const bool attention_bound = forward.bind_cuda(forward_cuda) && backward.bind_cuda(backward_cuda);

}  // namespace autograd::attention_kernels
