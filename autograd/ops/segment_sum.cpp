#include "autograd/ops/segment_sum.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/repeat_rows_by_segment.h"
#include "tensor/offsets.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace segment_sum_kernels {

static void forward_cpu(const Tensor& x, const Tensor& offsets, bool mean, Tensor& y) {
  tensor::for_real(x.dtype(), "segment_sum", [&](auto zero) {
    using T = decltype(zero);
    const auto& simd = tensor::simd<T>();
    const int64_t columns = x.columns(), segments = y.rows();
    const T* px = x.data<T>();
    T* py = y.data<T>();
    const int32_t* offset = offsets.data<int32_t>();
    const int64_t average_size = (x.size() + y.size()) / std::max<int64_t>(1, segments);
    tensor::parallel_for(segments, row_grain(average_size), [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        T* row = py + s * columns;
        std::fill_n(row, columns, T{0});
        for (int64_t i = offset[s]; i < offset[s + 1]; ++i) simd.add(row, px + i * columns, row, columns);
        const int64_t count = offset[s + 1] - offset[s];
        if (mean && count > 1) simd.scale(T{1} / static_cast<T>(count), row, row, columns);
      }
    });
  });
}

constinit decltype(forward) forward{"segment_sum.forward", forward_cpu};

}  // namespace segment_sum_kernels

static std::vector<Sample> segment_sum_samples(tensor::Generator& rng) {
  const auto run = [](const std::vector<int32_t>& offsets) {
    return [offsets = Tensor::from(offsets)](const Inputs& in) { return segment_sum(in[0], offsets); };
  };
  return {{{random_tensor({6, 3}, rng)}, run({0, 2, 2, 5, 6})}, {{random_tensor({1, 1}, rng)}, run({0, 0, 1})}};
}
static const Op segment_sum_op("segment_sum", segment_sum_samples);

Var segment_sum(const Var& x, const Tensor& offsets) {
  tensor::require(x.shape().rank() == 2 && offsets.size() > 0, "segment_sum: x is ", x.shape(), ", offsets are ",
                  offsets.shape(), "; x must be [n,d], offsets [segments+1]");
  const Tensor xv = x.value();
  tensor::require_offsets("segment_sum", "offsets", offsets, xv.rows());
  Tensor y({offsets.size() - 1, xv.columns()}, xv.dtype(), xv.device());
  segment_sum_kernels::forward(xv, offsets, false, y);
  return record(segment_sum_op, {x}, y, [shape = xv.shape(), offsets](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx(shape, dy.dtype(), dy.device());
    repeat_rows_by_segment_kernels::forward(dy, offsets, false, dx);
    return {dx};
  });
}

}  // namespace autograd
