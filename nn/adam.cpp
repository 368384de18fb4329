#include "nn/adam.h"

#include <cmath>

#include "nn/pieces.h"
#include "tensor/simd/simd.h"

namespace nn {

namespace adam_kernels {

static void update_cpu(const Tensor& first, std::span<const AdamUpdate> updates, const Tensor& gradient_scale) {
  const double scale = gradient_scale.defined() ? gradient_scale.item() : 1;
  if (!std::isfinite(scale)) return;
  std::vector<int64_t> sizes;
  for (const AdamUpdate& u : updates) {
    sizes.push_back(u.w.size());
    tensor::count_work(0, 7.0 * static_cast<double>(u.w.bytes()));  // w, g, m, v read; w, m, v written
  }
  tensor::for_real(first.dtype(), "adam", [&](auto zero) {
    using T = decltype(zero);
    struct Pointers {
      T *w, *m, *v;
      const T* g;
      tensor::AdamStep<T> step;
    };
    std::vector<Pointers> all;
    for (AdamUpdate u : updates) {
      all.push_back({u.w.data<T>(), u.m.data<T>(), u.v.data<T>(), u.g.data<T>(),
                     {.learning_rate = static_cast<T>(u.learning_rate), .beta1 = static_cast<T>(u.beta1),
                      .beta2 = static_cast<T>(u.beta2), .epsilon = static_cast<T>(u.epsilon),
                      .correction1 = static_cast<T>(u.correction1), .correction2 = static_cast<T>(u.correction2),
                      .coupled_decay = static_cast<T>(u.coupled_decay), .decoupled_decay = static_cast<T>(u.decoupled_decay),
                      .gradient_scale = static_cast<T>(scale)}});
    }
    for_pieces(pieces_of(sizes), [&](size_t, const Piece& p) {
      const Pointers& a = all[p.tensor];
      tensor::simd<T>().adam(a.step, a.w + p.begin, a.g + p.begin, a.m + p.begin, a.v + p.begin, p.end - p.begin);
    });
  });
}

constinit decltype(update) update{"adam.update", update_cpu};

}  // namespace adam_kernels

void Adam::apply(std::vector<Update>& updates, double learning_rate, const Tensor& gradient_scale) const {
  std::vector<AdamUpdate> list;
  for (const Update& u : updates) {
    const double t = static_cast<double>(u.count);
    list.push_back({.w = u.w, .g = u.g, .m = u.m, .v = u.v, .learning_rate = learning_rate, .beta1 = options_.beta1,
                    .beta2 = options_.beta2, .epsilon = options_.epsilon,
                    .correction1 = 1 / (1 - std::pow(options_.beta1, t)),
                    .correction2 = 1 / (1 - std::pow(options_.beta2, t)), .coupled_decay = decoupled_ ? 0 : options_.decay,
                    .decoupled_decay = decoupled_ && u.decay ? options_.decay : 0});
  }
  adam_kernels::update(list[0].w, list, gradient_scale);
}

}  // namespace nn
