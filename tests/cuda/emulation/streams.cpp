#include "tests/cuda/emulation/streams.h"

#include <cstdlib>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tests/cuda/emulation/fibers.h"

namespace emulation {

namespace {

struct Work {
  Kind kind;
  std::function<void()> run;
};
using Works = std::vector<Work>;

struct Stream {
  std::deque<Work> waiting;
  int64_t submitted = 0, done = 0;
  bool captured = false;
  Works capture;
};

struct Event {
  Stream* stream = nullptr;  // null: never recorded
  int64_t position = 0;      // of what the stream had been given
};

struct Graph {
  Works works;
};

struct Executable {
  std::shared_ptr<const Works> works;
};

Stream& of(cudaStream_t stream) { return *reinterpret_cast<Stream*>(stream); }
Event& of(cudaEvent_t event) { return *reinterpret_cast<Event*>(event); }
Graph& of(cudaGraph_t graph) { return *reinterpret_cast<Graph*>(graph); }
Executable& of(cudaGraphExec_t executable) { return *reinterpret_cast<Executable*>(executable); }

void run_until(Stream& stream, int64_t position) {
  const DeviceAccess access;
  while (stream.done < position) {
    const Work work = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    ++stream.done;
    if (!host_only() || work.kind == Kind::wait) work.run();
  }
}

void forbid_capture(const Stream& stream, const char* what) {
  tensor::require(tensor::Fault::bug, !stream.captured, "emulation: ", what, " while the stream is captured");
}

// The kinds that decide whether an executable can take over a graph.
std::vector<Kind> topology(const Works& works) {
  std::vector<Kind> kinds;
  for (const Work& work : works)
    if (work.kind != Kind::poison) kinds.push_back(work.kind);
  return kinds;
}

}  // namespace

bool host_only() {
  static const bool only = std::getenv("GENREC_EMULATION_HOST_ONLY");
  return only;
}

void submit(cudaStream_t given, Kind kind, std::function<void()> run) {
  Stream& stream = of(given);
  if (stream.captured) return stream.capture.push_back({kind, std::move(run)});
  stream.waiting.push_back({kind, std::move(run)});
  ++stream.submitted;
}

void submit_kernel(std::function<void()> run) {
  Stream& stream = of(tensor::cuda::stream());
  submit(tensor::cuda::stream(), Kind::kernel, std::move(run));
  if (!stream.captured) run_until(stream, stream.submitted);
}

}  // namespace emulation

using namespace emulation;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return *stream = reinterpret_cast<cudaStream_t>(new Stream), cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t given) {
  Stream& stream = of(given);
  forbid_capture(stream, "cudaStreamSynchronize");
  return run_until(stream, stream.submitted), cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (kind == cudaMemcpyDeviceToHost) forbid_capture(of(stream), "a copy to the host");
  return submit(stream, Kind::copy, [=] { std::memmove(to, from, bytes); }), cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return *event = reinterpret_cast<cudaEvent_t>(new Event), cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete &of(event), cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t given) {
  Stream& stream = of(given);
  forbid_capture(stream, "cudaEventRecord");
  return of(event) = {&stream, stream.submitted}, cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (of(event).stream) run_until(*of(event).stream, of(event).position);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return !of(event).stream || of(event).stream->done >= of(event).position ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t given, unsigned) {
  forbid_capture(of(stream), "cudaStreamWaitEvent");
  const Event event = of(given);
  if (event.stream) submit(stream, Kind::wait, [=] { run_until(*event.stream, event.position); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t given, cudaStreamCaptureMode) {
  Stream& stream = of(given);
  forbid_capture(stream, "cudaStreamBeginCapture");
  return stream.captured = true, cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t given, cudaGraph_t* graph) {
  Stream& stream = of(given);
  if (!std::exchange(stream.captured, false)) return cudaErrorIllegalState;
  *graph = reinterpret_cast<cudaGraph_t>(new Graph{std::exchange(stream.capture, {})});
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete &of(graph), cudaSuccess; }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = reinterpret_cast<cudaGraphExec_t>(new Executable{std::make_shared<Works>(of(graph).works)});
  return cudaSuccess;
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
  const bool same = topology(*of(executable).works) == topology(of(graph).works);
  info->result = same ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
  if (!same) return cudaErrorGraphExecUpdateFailure;
  return of(executable).works = std::make_shared<Works>(of(graph).works), cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return delete &of(executable), cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  forbid_capture(of(stream), "cudaGraphLaunch");
  submit(stream, Kind::kernel, [works = of(executable).works] {
    for (const Work& work : *works) work.run();
  });
  return cudaSuccess;
}

}  // extern "C"
