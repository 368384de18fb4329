#include "autograd/ops/slice_columns.h"

#include "autograd/op.h"
#include "autograd/ops/concat_columns.h"

namespace autograd {

static std::vector<Sample> slice_columns_samples(tensor::Generator& rng) {
  const auto run = [](int64_t begin, int64_t end) {
    return [=](const Inputs& in) { return slice_columns(in[0], begin, end); };
  };
  return {{{random_tensor({3, 5}, rng)}, run(1, 4)},
          {{random_tensor({1, 1}, rng)}, run(0, 1)},
          {{random_tensor({2, 2, 3}, rng)}, run(2, 3)}};
}
static const Op slice_columns_op("slice_columns", slice_columns_samples);

Var slice_columns(const Var& x, int64_t begin, int64_t end) {
  tensor::require(x.shape().rank() > 0 && begin >= 0 && begin <= end && end <= x.columns(), "slice_columns: columns ", begin,
                  " to ", end, " of x ", x.shape(), "; they must lie within its last size");
  const Tensor xv = x.value();
  Tensor y(xv.shape().with(-1, end - begin), xv.dtype(), xv.device());
  concat_columns_kernels::copy(xv, begin, end - begin, y, 0);
  return record(slice_columns_op, {x}, y, [shape = xv.shape(), begin, end](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::zeros(shape, dy.dtype(), dy.device());
    concat_columns_kernels::copy(dy, 0, end - begin, dx, begin);
    return {dx};
  });
}

}  // namespace autograd
