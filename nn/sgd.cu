#include "nn/sgd.h"

#include "nn/pieces_cuda.h"

namespace nn::sgd_kernels {

using tensor::cuda::floats;

struct Entry {
  float *w, *velocity;
  const float* g;
};

static void update_cuda(const Tensor&, std::span<const Update> updates, const SgdStep& step) {
  std::vector<int64_t> sizes;
  std::vector<Entry> entries;
  for (Update u : updates) {
    sizes.push_back(u.w.size());
    entries.push_back({floats(u.w), floats(u.m), floats(u.g)});
  }
  const float rate = static_cast<float>(step.learning_rate), momentum = static_cast<float>(step.momentum),
              decay = static_cast<float>(step.decay), scale = static_cast<float>(step.gradient_scale);
  for_device_pieces("sgd.update", entries, sizes, [=] __device__(const Entry& e, int64_t i) {
    const float weight = e.w[i], speed = e.velocity[i] * momentum + (e.g[i] * scale + weight * decay);
    e.velocity[i] = speed;
    e.w[i] = weight - speed * rate;
  });
}

static const bool sgd_bound = update.bind_cuda(update_cuda);

}  // namespace nn::sgd_kernels
