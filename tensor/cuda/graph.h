// A piece of work that is done again and again, such as a training step, as one CUDA graph: the host only records its kernels,
// the device gets all of them in one launch. Every run is recorded anew, so shapes, addresses and numbers may change; a graph
// of the same kernels as the last one is updated in place, another is built anew. Work that is not recorded again: replays.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace tensor::cuda {

class StepGraph {
 public:
  // The first `plain_runs` run without a graph: libraries and memory are there afterwards.
  explicit StepGraph(int plain_runs = 2);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // Does what body() does; on the CPU, without graphs and inside of another run that is all. On CUDA its kernels are launched
  // together when it has returned. Where body() waits for the device or reads from it, what was recorded before is launched
  // there and the rest runs as without a graph. After an exception nothing that was recorded runs.
  void run(const std::function<void()>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct GraphCounts {
  int64_t launches = 0, updates = 0, instantiations = 0;  // a launch that follows neither of the others is a replay
};
GraphCounts graph_counts();  // so far

void use_graphs(bool on);  // at first they are used
bool graphs_used();

}  // namespace tensor::cuda
