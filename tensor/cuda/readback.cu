#include "tensor/cuda/readback.h"

#include <algorithm>

#include "tensor/cuda/runtime.h"

namespace tensor::cuda {

struct Readback::State {
  double* pinned = nullptr;
  int64_t count = 0;
  cudaEvent_t arrived = nullptr;
  bool asked = false, outdated = false;

  void prepare(int64_t values) {
    if (values == count) return;
    release();
    count = values;
    check(cudaMallocHost(reinterpret_cast<void**>(&pinned), static_cast<size_t>(count) * sizeof(double)), "pinned memory");
    check(cudaEventCreateWithFlags(&arrived, cudaEventDisableTiming), "event");
  }
  void release() {
    if (asked) cudaEventSynchronize(arrived);  // the copy writes to the memory
    if (arrived) cudaEventDestroy(arrived);
    if (pinned) cudaFreeHost(pinned);
    asked = false;
  }
  ~State() { release(); }
};

Readback::Readback() : state_(new State) {}
Readback::~Readback() = default;

bool Readback::poll(const Tensor& x, std::span<double> values) {
  State& s = *state_;
  s.prepare(x.size());
  bool fresh = false;
  if (s.asked) {
    const cudaError_t status = cudaEventQuery(s.arrived);
    if (status == cudaErrorNotReady) return false;
    check(status, "reading back");
    fresh = !s.outdated;
    if (fresh) std::copy(s.pinned, s.pinned + s.count, values.begin());
  }
  leave_capture();
  check(cudaMemcpyAsync(s.pinned, x.data<double>(), static_cast<size_t>(x.bytes()), cudaMemcpyDeviceToHost, stream()),
        "reading back");
  check(cudaEventRecord(s.arrived, stream()), "event");
  s.asked = true, s.outdated = false;
  return fresh;
}

void Readback::drop() { state_->outdated = true; }

}  // namespace tensor::cuda
