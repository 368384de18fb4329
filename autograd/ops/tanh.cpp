#include "autograd/ops/tanh.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/op.h"

namespace autograd {

namespace tanh_kernels {

static void forward_cpu(const Tensor& x, Tensor& y) {
  map("tanh", y, [](auto x) { return std::tanh(x); }, x);
}

static void backward_cpu(const Tensor& y, const Tensor& dy, Tensor& dx) {
  map("tanh", dx, [](auto y, auto dy) { return dy * (1 - y * y); }, y, dy);
}

constinit decltype(forward) forward{"tanh.forward", forward_cpu};
constinit decltype(backward) backward{"tanh.backward", backward_cpu};

}  // namespace tanh_kernels

static std::vector<Sample> tanh_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return tanh(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1}, rng)}, run},
          {{random_tensor({0, 2}, rng)}, run}};
}
static const Op tanh_op("tanh", tanh_samples);

Var tanh(const Var& x) {
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv);
  tanh_kernels::forward(xv, y);
  return record(tanh_op, {x}, y, [y](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    tanh_kernels::backward(y, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
