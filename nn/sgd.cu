#include "nn/sgd.h"

#include <cmath>

#include "nn/pieces_cuda.h"
#include "tensor/cuda/replays.h"

namespace nn::sgd_kernels {

using tensor::cuda::constants;
using tensor::cuda::floats;

struct Entry {
  float *w, *velocity;
  const float* g;
};

static void update_cuda(const Tensor&, std::span<const Update> updates, const SgdStep& step, const Tensor& gradient_scale) {
  std::vector<int64_t> sizes;
  std::vector<Entry> entries;
  for (Update u : updates) {
    sizes.push_back(u.w.size());
    entries.push_back({floats(u.w), floats(u.m), floats(u.g)});
  }
  Tensor rates({1}, DType::f32);
  tensor::cuda::every_run({rates}, [rates, from = step.learning_rate]() mutable { *rates.data<float>() = static_cast<float>(*from); });
  const float momentum = static_cast<float>(step.momentum), decay = static_cast<float>(step.decay), *rate = constants(rates);
  const double* scale = gradient_scale.defined() ? gradient_scale.data<double>() : nullptr;
  for_device_pieces("sgd.update", entries, sizes, [=] __device__(const Entry& e, int64_t i) {
    if (scale && !std::isfinite(*scale)) return;
    const float weight = e.w[i], gradient = e.g[i] * (scale ? static_cast<float>(*scale) : 1.f);
    const float speed = e.velocity[i] * momentum + (gradient + weight * decay);
    e.velocity[i] = speed;
    e.w[i] = weight - speed * *rate;
  });
}

static const bool sgd_bound = update.bind_cuda(update_cuda);

}  // namespace nn::sgd_kernels
