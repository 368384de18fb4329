#include "genrec/beam_step.h"

#include <algorithm>

#include "genrec/block_top_k.h"

namespace genrec {

using tensor::cuda::indices;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;

struct StepProblem {
  const float *logits, *lse;
  const int32_t *child_begins, *codes, *widths, *dead_begins, *dead, *from;
  int32_t* to;
  int rows, slots;            // of a user, before and after
  int64_t before, after;      // of all users
  int64_t vocabulary;
  int first_token, capacity;
  bool renorm;
};

// A row of the level before, in shared memory.
struct BeamRow {
  int start, begin;  // of its children: the place in the user's stream, the node
  float score, normalizer;
};

// log sum exp over the children, by one warp.
__device__ float children_normalizer(const StepProblem& x, const float* values, int begin, int end) {
  float largest = -INFINITY;
  for (int child = begin + lane_of_warp(); child < end; child += kWarp) largest = fmaxf(largest, values[x.codes[child]]);
  largest = tensor::cuda::warp_max(largest);
  double sum = 0;
  for (int child = begin + lane_of_warp(); child < end; child += kWarp)
    sum += exp(static_cast<double>(values[x.codes[child]] - largest));
  return largest + static_cast<float>(log(tensor::cuda::warp_sum(sum)));
}

// Fills rows[0 .. x.rows]; the last one holds the length of the stream.
__device__ void read_rows(const StepProblem& x, int64_t user, BeamRow* rows) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  for (int i = warp; i < x.rows; i += kTopWarps) {
    const int64_t row = user * x.rows + i;
    const int node = x.from[SlotField::node * x.before + row];
    const int begin = node < 0 ? 0 : x.child_begins[node], end = node < 0 ? 0 : x.child_begins[node + 1];
    float normalizer = x.lse[row];
    if (x.renorm) normalizer = children_normalizer(x, x.logits + row * x.vocabulary + x.first_token, begin, end);
    if (lane_of_warp() > 0) continue;
    const auto score = std::bit_cast<float>(x.from[SlotField::score * x.before + row]);
    rows[i] = {end - begin, begin, score, normalizer};
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    int start = 0;
    for (int i = 0; i < x.rows; ++i) {
      const int count = rows[i].start;
      rows[i].start = start;
      start += count;
    }
    rows[x.rows].start = start;
  }
  __syncthreads();
}

// The last row whose children start at `place` or before: those without children are passed over.
__device__ int row_at(const BeamRow* rows, int count, int place) {
  int low = 0, high = count;  // rows[low].start <= place < rows[high].start
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (rows[middle].start <= place) low = middle;
    else high = middle;
  }
  return low;
}

// A block is a user.
__global__ void step_kernel(StepProblem x) {
  auto* memory = tensor::cuda::shared_memory<unsigned char>();
  const int64_t user = blockIdx.x;
  BlockTopK top(memory, x.capacity, x.widths[user]);
  auto* rows = reinterpret_cast<BeamRow*>(memory + top_bytes(x.capacity));
  read_rows(x, user, rows);
  const int32_t *dead = x.dead + x.dead_begins[user], *dead_end = x.dead + x.dead_begins[user + 1];
  for (int base = 0; base < rows[x.rows].start; base += kTopThreads) {
    const int place = base + static_cast<int>(threadIdx.x);
    uint64_t candidate = 0;
    if (place < rows[x.rows].start) {
      const int i = row_at(rows, x.rows, place), child = rows[i].begin + place - rows[i].start;
      const float value = x.logits[(user * x.rows + i) * x.vocabulary + x.first_token + x.codes[child]];
      candidate = candidate_of(rows[i].score + (value - rows[i].normalizer), static_cast<uint32_t>(place));
      if (top.accepts(candidate) && holds(dead, dead_end, child)) candidate = 0;
    }
    top.offer(candidate);
  }
  top.finish();
  for (int s = static_cast<int>(threadIdx.x); s < x.slots; s += kTopThreads) {
    const bool used = s < top.count();
    const int place = used ? static_cast<int>(place_of(top.best()[s])) : 0, i = used ? row_at(rows, x.rows, place) : 0;
    const int child = used ? rows[i].begin + place - rows[i].start : -1;
    int32_t* slot = x.to + user * x.slots + s;
    slot[SlotField::node * x.after] = child;
    slot[SlotField::parent * x.after] = static_cast<int32_t>(user * x.rows + i);
    slot[SlotField::token * x.after] = x.first_token + (used ? x.codes[child] : 0);
    slot[SlotField::score * x.after] = std::bit_cast<int32_t>(used ? score_of(top.best()[s]) : -INFINITY);
  }
}

static void step_cuda(const Tensor& logits, const Tensor& lse, const BeamLevel& level, const Tensor& from, Tensor& to) {
  const int64_t users = std::max<int64_t>(level.widths.size(), 1);
  const int64_t rows = from.columns() / users, slots = to.columns() / users;
  const int capacity = top_capacity(slots);
  const auto shared = static_cast<int64_t>(top_bytes(capacity) + (rows + 1) * sizeof(BeamRow));
  tensor::require(tensor::Fault::resources, shared <= tensor::cuda::most_shared_memory(), "beam search: a beam of ",
                  slots, " does not fit into the shared memory of this GPU; take a smaller one or --device cpu");
  const StepProblem x{.logits = tensor::cuda::floats(logits),
                      .lse = tensor::cuda::floats(lse),
                      .child_begins = indices(level.child_begins),
                      .codes = indices(level.codes),
                      .widths = indices(level.widths),
                      .dead_begins = indices(level.dead_begins),
                      .dead = indices(level.dead),
                      .from = indices(from),
                      .to = to.data<int32_t>(),
                      .rows = static_cast<int>(rows),
                      .slots = static_cast<int>(slots),
                      .before = from.columns(),
                      .after = to.columns(),
                      .vocabulary = logits.columns(),
                      .first_token = level.first_token,
                      .capacity = capacity,
                      .renorm = level.score == BeamScore::renorm};
  tensor::cuda::launch("beam_step", dim3(static_cast<unsigned>(level.widths.size())), dim3(kTopThreads),
                       static_cast<size_t>(shared), step_kernel, x);
}

static const bool beam_step_bound = beam_step.bind_cuda(step_cuda);

}  // namespace genrec
