#include "autograd/ops/subtract.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/scale.h"

namespace autograd {

namespace subtract_kernels {

static void forward_cpu(const Tensor& x, const Tensor& y, Tensor& z) {
  map("subtract", z, [](auto x, auto y) { return x - y; }, x, y);
}

constinit decltype(forward) forward{"subtract.forward", forward_cpu};

}  // namespace subtract_kernels

static std::vector<Sample> subtract_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return subtract(in[0], in[1]); };
  return {{{random_tensor({3, 5}, rng), random_tensor({3, 5}, rng)}, run},
          {{random_tensor({}, rng), random_tensor({}, rng)}, run}};
}
static const Op subtract_op("subtract", subtract_samples);

Var subtract(const Var& x, const Var& y) {
  tensor::require(x.shape() == y.shape(), "subtract: x is ", x.shape(), ", y is ", y.shape(), "; both must have one shape");
  Tensor z = Tensor::like(x.value());
  subtract_kernels::forward(x.value(), y.value(), z);
  return record(subtract_op, {x, y}, z, [](const Tensor& dz, Wanted wanted) -> Gradients {
    Tensor dy;
    if (wanted[1]) scale_kernels::forward(dz, -1, dy = Tensor::like(dz));
    return {dz, dy};
  });
}

}  // namespace autograd
