#include "autograd/ops/reshape.h"

#include "autograd/op.h"

namespace autograd {

static std::vector<Sample> reshape_samples(tensor::Generator& rng) {
  const auto run = [](const Shape& shape) { return [=](const Inputs& in) { return reshape(in[0], shape); }; };
  return {{{random_tensor({4, 3}, rng)}, run({2, 6})}, {{random_tensor({2, 3, 2}, rng)}, run({12})}};
}
static const Op reshape_op("reshape", reshape_samples);

Var reshape(const Var& x, const Shape& shape) {
  tensor::require(shape.size() == x.value().size(), "reshape: x is ", x.shape(), ", asked for ", shape,
                  "; both must have as many elements");
  return record(reshape_op, {x}, x.value().reshape(shape),
                [from = x.shape()](const Tensor& dy, Wanted) -> Gradients { return {dy.reshape(from)}; });
}

}  // namespace autograd
