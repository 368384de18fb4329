#include "nn/adam.h"

#include <cmath>

#include "nn/pieces.h"
#include "tensor/simd/simd.h"

namespace nn {

namespace adam_kernels {

static void update_cpu(const Tensor& first, std::span<const Update> updates, const Rates& rates, const Tensor& gradient_scale) {
  const double scale = gradient_scale.defined() ? gradient_scale.item() : 1;
  if (!std::isfinite(scale)) return;
  std::vector<int64_t> sizes;
  for (const Update& u : updates) {
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
    for (Update u : updates) {
      all.push_back({u.w.data<T>(), u.m.data<T>(), u.v.data<T>(), u.g.data<T>(), step_of<T>(rates, u, scale)});
    }
    for_pieces(pieces_of(sizes), [&](size_t, const Piece& p) {
      const Pointers& a = all[p.tensor];
      tensor::simd<T>().adam(a.step, a.w + p.begin, a.g + p.begin, a.m + p.begin, a.v + p.begin, p.end - p.begin);
    });
  });
}

constinit decltype(update) update{"adam.update", update_cpu};

}  // namespace adam_kernels

void Adam::apply(std::vector<Update>& updates, const double& learning_rate, const Tensor& gradient_scale) const {
  adam_kernels::update(updates[0].w, updates, {&learning_rate, options_, decoupled_}, gradient_scale);
}

}  // namespace nn
