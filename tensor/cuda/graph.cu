#include "tensor/cuda/graph.h"

#include "tensor/cuda/runtime.h"
#include "tensor/cuda/uploads.h"

namespace tensor::cuda {

namespace {

bool enabled = true, recording = false;
GraphCounts counts;
std::function<void()> launch_recorded;  // of the run that is recorded

struct Graph {
  cudaGraph_t graph = nullptr;
  ~Graph() {
    if (graph) cudaGraphDestroy(graph);
  }
};

}  // namespace

bool capturing() { return recording; }

void leave_capture() {
  if (recording) launch_recorded();
}

void record(int64_t reserved, const std::function<void()>& body, const std::function<void(cudaGraph_t)>& launch) {
  uploads().begin(reserved);
  launch_recorded = [&launch] {
    Graph recorded;
    recording = false;
    check(cudaStreamEndCapture(stream(), &recorded.graph), "recording a graph");
    launch(recorded.graph);
  };
  // Relaxed: the allocator may ask the driver for memory meanwhile.
  check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed), "recording a graph");
  recording = true;
  try {
    body();
    leave_capture();
  } catch (...) {
    if (recording) {
      Graph dropped;
      recording = false;
      cudaStreamEndCapture(stream(), &dropped.graph);
      cudaGetLastError();
    }
    forget_copies();  // some may never have been made
    uploads().end();
    throw;
  }
  uploads().end();
}

cudaGraphExec_t build_graph(cudaGraph_t graph) {
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph, 0), "building a graph");
  ++counts.instantiations;
  return executable;
}

void launch_graph(cudaGraphExec_t executable) {
  check(cudaGraphLaunch(executable, stream()), "launching a graph");
  ++counts.launches;
}

struct StepGraph::State {
  int plain_runs;
  cudaGraphExec_t executable = nullptr;

  ~State() {
    if (executable) cudaGraphExecDestroy(executable);  // a launch that still runs ends first
  }
  bool update(cudaGraph_t graph);
};

bool StepGraph::State::update(cudaGraph_t graph) {
  if (!executable) return false;
  cudaGraphExecUpdateResultInfo info{};
  if (cudaGraphExecUpdate(executable, graph, &info) == cudaSuccess) return ++counts.updates, true;
  cudaGetLastError();  // clears it: other kernels than the last time
  check(cudaGraphExecDestroy(executable), "graph");
  executable = nullptr;
  return false;
}

StepGraph::StepGraph(int plain_runs) : state_(new State{.plain_runs = plain_runs}) {}
StepGraph::~StepGraph() = default;

void StepGraph::run(const std::function<void()>& body) {
  const bool plain = !graphs_used() || recording || default_device() != Device::cuda || state_->plain_runs > 0;
  if (state_->plain_runs > 0) --state_->plain_runs;
  if (plain) return body();
  record(0, body, [this](cudaGraph_t graph) {
    uploads().send();
    if (!state_->update(graph)) state_->executable = build_graph(graph);
    launch_graph(state_->executable);
  });
}

GraphCounts graph_counts() { return counts; }
void use_graphs(bool on) { enabled = on; }
bool graphs_used() { return enabled; }

}  // namespace tensor::cuda
