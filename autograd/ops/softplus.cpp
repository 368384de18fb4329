#include "autograd/ops/softplus.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/op.h"

namespace autograd {

namespace softplus_kernels {

static void forward_cpu(const Tensor& x, Tensor& y) {
  map("softplus", y, [](auto x) { return std::max(x, decltype(x){0}) + std::log1p(std::exp(-std::fabs(x))); }, x);
}

static void backward_cpu(const Tensor& x, const Tensor& dy, Tensor& dx) {
  map("softplus", dx, [](auto x, auto dy) { return dy / (1 + std::exp(-x)); }, x, dy);
}

constinit decltype(forward) forward{"softplus.forward", forward_cpu};
constinit decltype(backward) backward{"softplus.backward", backward_cpu};

}  // namespace softplus_kernels

static std::vector<Sample> softplus_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return softplus(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1}, rng)}, run},
          {{random_tensor({0, 2}, rng)}, run}};
}
static const Op softplus_op("softplus", softplus_samples);

Var softplus(const Var& x) {
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv);
  softplus_kernels::forward(xv, y);
  return record(softplus_op, {x}, y, [xv](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    softplus_kernels::backward(xv, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
