// Whole pieces of work, with random weights and data, for measuring: training steps, a sparse product, an optimiser, beam search.
#pragma once

#include <memory>

#include "genrec/system.h"
#include "tensor/bench.h"

namespace genrec {

// `shrink` divides the batches and the graph.
std::vector<tensor::Workload> whole_workloads(int64_t shrink = 1);

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

}  // namespace genrec
