#include "autograd/ops/segment_mean.h"

#include "autograd/op.h"
#include "autograd/ops/repeat_rows_by_segment.h"
#include "autograd/ops/segment_sum.h"
#include "tensor/offsets.h"

namespace autograd {

static std::vector<Sample> segment_mean_samples(tensor::Generator& rng) {
  const auto run = [](const std::vector<int32_t>& offsets) {
    return [offsets = Tensor::from(offsets)](const Inputs& in) { return segment_mean(in[0], offsets); };
  };
  return {{{random_tensor({6, 3}, rng)}, run({0, 2, 2, 5, 6})}, {{random_tensor({1, 1}, rng)}, run({0, 0, 1})}};
}
static const Op segment_mean_op("segment_mean", segment_mean_samples);

Var segment_mean(const Var& x, const Tensor& offsets) {
  tensor::require(x.shape().rank() == 2 && offsets.size() > 0, "segment_mean: x is ", x.shape(), ", offsets are ",
                  offsets.shape(), "; x must be [n,d], offsets [segments+1]");
  const Tensor xv = x.value();
  tensor::require_offsets("segment_mean", "offsets", offsets, xv.rows());
  Tensor y({offsets.size() - 1, xv.columns()}, xv.dtype(), xv.device());
  segment_sum_kernels::forward(xv, offsets, true, y);
  return record(segment_mean_op, {x}, y, [shape = xv.shape(), offsets](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx(shape, dy.dtype(), dy.device());
    repeat_rows_by_segment_kernels::forward(dy, offsets, true, dx);
    return {dx};
  });
}

}  // namespace autograd
