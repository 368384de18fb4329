#include "autograd/ops/straight_through.h"

#include "autograd/op.h"

namespace autograd {

static std::vector<Sample> straight_through_samples(tensor::Generator& rng) {
  const auto sample = [&](Shape shape) -> Sample {
    const Tensor b = random_tensor(shape, rng);
    return {{random_tensor(shape, rng)},
            [b](const Inputs& in) { return straight_through(in[0], b.to(in[0].value().dtype()).to(in[0].value().device())); },
            [](const Inputs& in) { return in[0]; }};
  };
  return {sample({3, 5}), sample({1})};
}
static const Op straight_through_op("straight_through", straight_through_samples);

Var straight_through(const Var& a, const Var& b) {
  tensor::require(a.shape() == b.shape(), "straight_through: a is ", a.shape(), ", b is ", b.shape(),
                  "; both must have one shape");
  return record(straight_through_op, {a}, b.value(), [](const Tensor& dy, Wanted) -> Gradients { return {dy}; });
}

}  // namespace autograd
