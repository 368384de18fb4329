// Whole pieces of work, with random weights and data, for measuring: training steps, a sparse product, an optimiser, beam
// search.
#pragma once

#include <memory>

#include "genrec/system.h"
#include "tensor/bench.h"

namespace genrec {

enum class WorkloadSizes { cpu, gpu };  // a GPU gets larger batches too

// Those with `only` in their names, for the precision in use: they must run in it. `shrink` divides the batches and the graph.
std::vector<tensor::Workload> whole_workloads(int64_t shrink = 1, const std::string& only = "",
                                              WorkloadSizes sizes = WorkloadSizes::cpu);

// TIGER's beam search: a T5 of 4 + 4 layers, width 128, that reads histories of 20 items and says one of 12000 items in four
// codes of 256, beam 20.
class DecodeBench {
 public:
  explicit DecodeBench(int64_t users, uint64_t seed = 1);
  ~DecodeBench();
  void encode(int64_t first, int64_t count) const;  // what is made once per user, of some of the users
  void search(int64_t first, int64_t count) const;  // lists from histories
  int64_t users() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Milliseconds of that search, one user at a time and in batches that are interleaved with them.
struct DecodeTimes {
  double p50 = 0, p95 = 0, p99 = 0;  // one user
  double batch = 0, encoder = 0;     // medians: all of a batch, and what is made once per user of it
};
DecodeTimes bench_decode(int users, int64_t batch, int rounds, uint64_t seed);

}  // namespace genrec
