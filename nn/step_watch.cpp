#include "nn/step_watch.h"

#include <cmath>
#include <limits>

#include "tensor/reduce.h"

namespace nn {

namespace step_watch_kernels {

static void end_step_cpu(const Tensor& norm, Tensor& scale, Tensor& state) {
  double* s = state.data<double>();
  if (!std::isfinite(s[StepWatch::kLossSum]) || !std::isfinite(*norm.data<double>())) s[StepWatch::kFailed] = 1;
  if (s[StepWatch::kFailed] != 0) *scale.data<double>() = std::numeric_limits<double>::quiet_NaN();
  else s[StepWatch::kSteps] += 1;
}

constinit decltype(end_step) end_step{"step_watch.end_step", end_step_cpu};

}  // namespace step_watch_kernels

void StepWatch::begin(int64_t steps, double loss_sum) {
  seen_[kLossSum] = loss_sum, seen_[kSteps] = static_cast<double>(steps), seen_[kFailed] = 0;
  const Tensor fresh = Tensor::from(std::span<const double>(seen_), {kFields});
  if (!state_.defined()) state_ = fresh.to(tensor::default_device());
  else state_.copy_from(fresh);  // where it is: steps that are launched again go on writing there
  readback_.drop();
}

void StepWatch::add_loss(const Tensor& loss) { tensor::accumulate(loss, kLossSum, state_); }

void StepWatch::end_step(const Clip& clip) {
  Tensor scale = clip.scale;
  step_watch_kernels::end_step(clip.norm, scale, state_);
}

void StepWatch::poll() {
  if (state_.device() == tensor::Device::cpu) return wait();
  readback_.poll(state_, seen_);
}

void StepWatch::wait() {
  const std::vector<double> values = state_.to_vector<double>();
  std::copy(values.begin(), values.end(), seen_);
  readback_.drop();
}

}  // namespace nn
