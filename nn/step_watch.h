// The sum of the losses of an epoch's steps, and whether a step went wrong: kept on the device, so that no step waits for a
// number. The host sees them some steps later; on the CPU at once.
#pragma once

#include "nn/clip.h"
#include "tensor/cuda/readback.h"

namespace nn {

class StepWatch {
 public:
  StepWatch() { begin(0, 0); }
  // An epoch of which `steps` are done, with this sum of their losses; on the default device.
  void begin(int64_t steps, double loss_sum);

  void add_loss(const Tensor& loss);  // of the step under way, or of a part of it
  // The step's gradients are there. When one of its losses or the norm is not finite, or something was not in an earlier step,
  // clip.scale becomes NaN: from that step on an optimiser changes nothing.
  void end_step(const Clip& clip);

  void poll();  // takes what has arrived
  void wait();  // for all steps so far

  // As of the last poll() or wait().
  int64_t steps() const { return static_cast<int64_t>(seen_[kSteps]); }  // done, and all finite
  double loss_sum() const { return seen_[kLossSum]; }
  bool failed() const { return seen_[kFailed] != 0; }  // in the step after those

  enum Field { kLossSum, kSteps, kFailed, kFields };

 private:
  Tensor state_;  // f64 [kFields]
  double seen_[kFields] = {};
  tensor::cuda::Readback readback_;
};

namespace step_watch_kernels {  // seam between step_watch.cpp (CPU) and step_watch.cu (CUDA)
extern tensor::Kernel<void(const Tensor& norm, Tensor& scale, Tensor& state)> end_step;
}

}  // namespace nn
