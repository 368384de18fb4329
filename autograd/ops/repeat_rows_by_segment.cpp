#include "autograd/ops/repeat_rows_by_segment.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/segment_sum.h"
#include "tensor/offsets.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace repeat_rows_by_segment_kernels {

static void forward_cpu(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y) {
  tensor::for_real(x.dtype(), "repeat_rows_by_segment", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = x.columns(), segments = x.rows();
    const T* px = x.data<T>();
    T* py = y.data<T>();
    const int32_t* offset = offsets.data<int32_t>();
    const int64_t average_size = (x.size() + y.size()) / std::max<int64_t>(1, segments);
    tensor::parallel_for(segments, row_grain(average_size), [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        const T factor = mean ? T{1} / static_cast<T>(std::max(1, offset[s + 1] - offset[s])) : T{1};
        for (int64_t i = offset[s]; i < offset[s + 1]; ++i) {
          tensor::simd<T>().scale(factor, px + s * columns, py + i * columns, columns);
        }
      }
    });
  });
}

constinit decltype(forward) forward{"repeat_rows_by_segment.forward", forward_cpu};

}  // namespace repeat_rows_by_segment_kernels

static std::vector<Sample> repeat_rows_by_segment_samples(tensor::Generator& rng) {
  const auto run = [](const std::vector<int32_t>& offsets) {
    return [offsets = Tensor::from(offsets), rows = offsets.back()](const Inputs& in) {
      return repeat_rows_by_segment(in[0], offsets, rows);
    };
  };
  return {{{random_tensor({4, 3}, rng)}, run({0, 2, 2, 5, 6})}, {{random_tensor({1, 1}, rng)}, run({0, 1})}};
}
static const Op repeat_rows_by_segment_op("repeat_rows_by_segment", repeat_rows_by_segment_samples);

Var repeat_rows_by_segment(const Var& x, const Tensor& offsets, int64_t rows) {
  tensor::require(x.shape().rank() == 2 && offsets.size() == x.rows() + 1, "repeat_rows_by_segment: x is ", x.shape(),
                  ", offsets are ", offsets.shape(), "; x must be [segments,d], offsets [segments+1]");
  tensor::require_offsets("repeat_rows_by_segment", "offsets", offsets, rows);
  const Tensor xv = x.value();
  Tensor y({rows, xv.columns()}, xv.dtype(), xv.device());
  repeat_rows_by_segment_kernels::forward(xv, offsets, false, y);
  return record(repeat_rows_by_segment_op, {x}, y, [shape = xv.shape(), offsets](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx(shape, dy.dtype(), dy.device());
    segment_sum_kernels::forward(dy, offsets, false, dx);
    return {dx};
  });
}

}  // namespace autograd
