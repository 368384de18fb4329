#include "autograd/ops/leaky_relu.h"

#include "autograd/map.h"
#include "autograd/op.h"

namespace autograd {

namespace leaky_relu_kernels {

static void forward_cpu(const Tensor& x, double slope, Tensor& y) {
  map("leaky_relu", y, [slope](auto x) { return x > 0 ? x : static_cast<decltype(x)>(slope) * x; }, x);
}

static void backward_cpu(const Tensor& y, double slope, const Tensor& dy, Tensor& dx) {
  map("leaky_relu", dx, [slope](auto y, auto dy) { return y > 0 ? dy : static_cast<decltype(y)>(slope) * dy; }, y, dy);
}

constinit decltype(forward) forward{"leaky_relu.forward", forward_cpu};
constinit decltype(backward) backward{"leaky_relu.backward", backward_cpu};

}  // namespace leaky_relu_kernels

static std::vector<Sample> leaky_relu_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return leaky_relu(in[0]); };
  return {{{random_away_from_zero({3, 5}, rng)}, run},
          {{random_away_from_zero({1}, rng)}, run},
          {{random_away_from_zero({0, 2}, rng)}, run},
          {{random_away_from_zero({4}, rng)}, [](const Inputs& in) { return leaky_relu(in[0], 0.3); }}};
}
static const Op leaky_relu_op("leaky_relu", leaky_relu_samples);

Var leaky_relu(const Var& x, double slope) {
  tensor::require(slope >= 0, "leaky_relu: slope is ", slope, "; it must not be negative");
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv);
  leaky_relu_kernels::forward(xv, slope, y);
  return record(leaky_relu_op, {x}, y, [y, slope](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    leaky_relu_kernels::backward(y, slope, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
