#include "autograd/ops/row_scale.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/row_dot.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace row_scale_kernels {

static void forward_cpu(const Tensor& x, const Tensor& s, Tensor& y) {
  tensor::for_real(x.dtype(), "row_scale", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = x.columns();
    const T *px = x.data<T>(), *ps = s.data<T>();
    T* py = y.data<T>();
    tensor::parallel_for(x.rows(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) tensor::simd<T>().scale(ps[i], px + i * columns, py + i * columns, columns);
    });
  });
}

constinit decltype(forward) forward{"row_scale.forward", forward_cpu};

}  // namespace row_scale_kernels

static std::vector<Sample> row_scale_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return row_scale(in[0], in[1]); };
  return {{{random_tensor({3, 5}, rng), random_tensor({3}, rng)}, run},
          {{random_tensor({1, 1}, rng), random_tensor({1}, rng)}, run},
          {{random_tensor({0, 2}, rng), random_tensor({0}, rng)}, run}};
}
static const Op row_scale_op("row_scale", row_scale_samples);

Var row_scale(const Var& x, const Var& s) {
  tensor::require(x.shape().rank() == 2 && s.shape() == Shape{x.rows()}, "row_scale: x is ", x.shape(), ", s is ", s.shape(),
                  "; x must be [n,d], s [n]");
  const Tensor xv = x.value(), sv = s.value();
  Tensor y = Tensor::like(xv);
  row_scale_kernels::forward(xv, sv, y);
  return record(row_scale_op, {x, s}, y, [xv, sv](const Tensor& dy, Wanted wanted) -> Gradients {
    Tensor dx, ds;
    if (wanted[0]) row_scale_kernels::forward(dy, sv, dx = Tensor::like(xv));
    if (wanted[1]) row_dot_kernels::forward(dy, xv, ds = Tensor::like(sv));
    return {dx, ds};
  });
}

}  // namespace autograd
