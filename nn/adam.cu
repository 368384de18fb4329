#include "nn/adam.h"

#include "nn/pieces_cuda.h"
#include "tensor/cuda/replays.h"

namespace nn::adam_kernels {

using tensor::cuda::floats;
using Step = tensor::AdamStep<float>;

struct Entry {
  float *w, *m, *v;
  const float* g;
  const Step* step;
};

// The numbers of each update, on the device: [updates] of Step.
static const Step* steps_of(std::span<const Update> updates, const Rates& rates) {
  static_assert(sizeof(Step) % sizeof(float) == 0);
  const auto count = static_cast<int64_t>(updates.size());
  Tensor steps({count, static_cast<int64_t>(sizeof(Step) / sizeof(float))}, DType::f32);
  std::vector<Update> all;
  for (const Update& u : updates) all.push_back({.w = {}, .g = {}, .m = {}, .v = {}, .count = u.count, .decay = u.decay});
  tensor::cuda::every_run({steps}, [=]() mutable {
    Step* step = reinterpret_cast<Step*>(steps.data<float>());
    for (const Update& u : all) *step++ = step_of<float>(rates, u, 1);
  });
  return reinterpret_cast<const Step*>(tensor::cuda::constants(steps));
}

static void update_cuda(const Tensor&, std::span<const Update> updates, const Rates& rates, const Tensor& gradient_scale) {
  std::vector<int64_t> sizes;
  std::vector<Entry> entries;
  const Step* step = steps_of(updates, rates);
  for (Update u : updates) {
    sizes.push_back(u.w.size());
    entries.push_back({floats(u.w), floats(u.m), floats(u.v), floats(u.g), step++});
  }
  const double* scale = gradient_scale.defined() ? gradient_scale.data<double>() : nullptr;
  for_device_pieces("adam.update", entries, sizes, [=] __device__(const Entry& e, int64_t i) {
    if (scale && !std::isfinite(*scale)) return;
    const Step& s = *e.step;
    const float factor = scale ? static_cast<float>(*scale) : s.gradient_scale;
    const float weight = e.w[i], gradient = e.g[i] * factor + weight * s.coupled_decay;
    const float first = e.m[i] * s.beta1 + gradient * (1 - s.beta1);
    const float second = e.v[i] * s.beta2 + gradient * gradient * (1 - s.beta2);
    e.m[i] = first, e.v[i] = second;
    const float update = first * s.correction1 / (sqrtf(second * s.correction2) + s.epsilon);
    e.w[i] = weight - (update + weight * s.decoupled_decay) * s.learning_rate;
  });
}

static const bool adam_bound = update.bind_cuda(update_cuda);

}  // namespace nn::adam_kernels
