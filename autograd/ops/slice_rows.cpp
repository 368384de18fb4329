#include "autograd/ops/slice_rows.h"

#include "autograd/op.h"

namespace autograd {

static std::vector<Sample> slice_rows_samples(tensor::Generator& rng) {
  const auto run = [](int64_t begin, int64_t end) {
    return [=](const Inputs& in) { return slice_rows(in[0], begin, end); };
  };
  return {{{random_tensor({5, 3}, rng)}, run(1, 4)},
          {{random_tensor({1, 1}, rng)}, run(0, 1)},
          {{random_tensor({3, 2, 2}, rng)}, run(2, 3)}};
}
static const Op slice_rows_op("slice_rows", slice_rows_samples);

Var slice_rows(const Var& x, int64_t begin, int64_t end) {
  tensor::require(x.shape().rank() > 0 && begin >= 0 && begin <= end && end <= x.shape()[0], "slice_rows: rows ", begin,
                  " to ", end, " of x ", x.shape(), "; they must lie within its first size");
  const Tensor y = x.value().row_range(begin, end);
  return record(slice_rows_op, {x}, y, [shape = x.shape(), begin, end](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx(shape, dy.dtype(), dy.device());
    dx.row_range(0, begin).fill(0);
    dx.row_range(begin, end).copy_from(dy);
    dx.row_range(end, shape[0]).fill(0);
    return {dx};
  });
}

}  // namespace autograd
