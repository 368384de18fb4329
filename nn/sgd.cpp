#include "nn/sgd.h"

#include <cmath>

#include "nn/pieces.h"
#include "tensor/simd/simd.h"

namespace nn {

namespace sgd_kernels {

static void update_cpu(const Tensor& first, std::span<const Update> updates, const SgdStep& step,
                       const Tensor& gradient_scale) {
  const double scale = gradient_scale.defined() ? gradient_scale.item() : 1;
  if (!std::isfinite(scale)) return;
  std::vector<int64_t> sizes;
  for (const Update& u : updates) sizes.push_back(u.w.size());
  tensor::for_real(first.dtype(), "sgd", [&](auto zero) {
    using T = decltype(zero);
    struct Pointers {
      T *w, *velocity;
      const T* g;
    };
    std::vector<Pointers> all;
    for (Update u : updates) all.push_back({u.w.data<T>(), u.m.data<T>(), u.g.data<T>()});
    for_pieces(pieces_of(sizes), [&](size_t, const Piece& p) {
      const Pointers& a = all[p.tensor];
      tensor::simd<T>().sgd(static_cast<T>(*step.learning_rate), static_cast<T>(step.momentum), static_cast<T>(step.decay),
                            static_cast<T>(scale), a.w + p.begin, a.g + p.begin, a.velocity + p.begin,
                            p.end - p.begin);
    });
  });
}

constinit decltype(update) update{"sgd.update", update_cpu};

}  // namespace sgd_kernels

void Sgd::apply(std::vector<Update>& updates, const double& learning_rate, const Tensor& gradient_scale) const {
  sgd_kernels::update(updates[0].w, updates, {&learning_rate, options_.momentum, options_.decay}, gradient_scale);
}

}  // namespace nn
