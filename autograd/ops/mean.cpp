#include "autograd/ops/mean.h"

#include "autograd/op.h"
#include "autograd/ops/sum.h"

namespace autograd {

static std::vector<Sample> mean_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return mean(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run}, {{random_tensor({1}, rng)}, run}};
}
static const Op mean_op("mean", mean_samples);

Var mean(const Var& x) {
  const Tensor xv = x.value();
  tensor::require(xv.size() > 0, "mean: x is ", xv.shape(), "; it must have elements");
  Tensor y({}, xv.dtype(), xv.device());
  const double factor = 1.0 / static_cast<double>(xv.size());
  sum_kernels::forward(xv, factor, y);
  return record(mean_op, {x}, y, [shape = xv.shape(), factor](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx(shape, dy.dtype(), dy.device());
    sum_kernels::backward(dy, factor, dx);
    return {dx};
  });
}

}  // namespace autograd
