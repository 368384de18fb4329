#include "nn/step_watch.h"

#include <cmath>

#include "tensor/cuda/map.h"

namespace nn::step_watch_kernels {

static void end_step_cuda(const Tensor& norm, Tensor& scale, Tensor& state) {
  const double* of_gradients = norm.data<double>();
  double *s = state.data<double>(), *factor = scale.data<double>();
  tensor::cuda::for_each("step_watch.end_step", 1, [=] __device__(int64_t) {
    if (!std::isfinite(s[StepWatch::kLossSum]) || !std::isfinite(*of_gradients)) s[StepWatch::kFailed] = 1;
    if (s[StepWatch::kFailed] != 0) *factor = static_cast<double>(NAN);
    else s[StepWatch::kSteps] += 1;
  });
}

static const bool step_watch_bound = end_step.bind_cuda(end_step_cuda);

}  // namespace nn::step_watch_kernels
