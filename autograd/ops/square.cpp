#include "autograd/ops/square.h"

#include "autograd/map.h"
#include "autograd/op.h"

namespace autograd {

namespace square_kernels {

static void forward_cpu(const Tensor& x, Tensor& y) {
  map("square", y, [](auto x) { return x * x; }, x);
}

static void backward_cpu(const Tensor& x, const Tensor& dy, Tensor& dx) {
  map("square", dx, [](auto x, auto dy) { return 2 * x * dy; }, x, dy);
}

constinit decltype(forward) forward{"square.forward", forward_cpu};
constinit decltype(backward) backward{"square.backward", backward_cpu};

}  // namespace square_kernels

static std::vector<Sample> square_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return square(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1}, rng)}, run},
          {{random_tensor({0, 2}, rng)}, run}};
}
static const Op square_op("square", square_samples);

Var square(const Var& x) {
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv);
  square_kernels::forward(xv, y);
  return record(square_op, {x}, y, [xv](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    square_kernels::backward(xv, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
