#include "autograd/ops/add.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/reduce.h"

namespace autograd {

namespace add_kernels {

static void forward_cpu(const Tensor& x, const Tensor& y, Tensor& z) {
  tensor::for_real(x.dtype(), "add", [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data<T>(), *py = y.data<T>();
    T* pz = z.data<T>();
    const auto add = tensor::simd<T>().add;
    if (x.size() == y.size()) {
      tensor::parallel_for(x.size(), kElementGrain, [&](int64_t b, int64_t e) { add(px + b, py + b, pz + b, e - b); });
      return;
    }
    const int64_t columns = y.size();
    tensor::parallel_for(x.rows(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * columns; i < end * columns; i += columns) add(px + i, py, pz + i, columns);
    });
  });
}

constinit decltype(forward) forward{"add.forward", forward_cpu};

}  // namespace add_kernels

static std::vector<Sample> add_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return add(in[0], in[1]); };
  return {{{random_tensor({3, 5}, rng), random_tensor({3, 5}, rng)}, run},
          {{random_tensor({3, 5}, rng), random_tensor({5}, rng)}, run},
          {{random_tensor({1, 1}, rng), random_tensor({1}, rng)}, run},
          {{random_tensor({2, 3, 2}, rng), random_tensor({2}, rng)}, run}};
}
static const Op add_op("add", add_samples);

Var add(const Var& x, const Var& y) {
  const bool one_row = x.shape() != y.shape();
  tensor::require(!one_row || (x.shape().rank() > 0 && y.shape() == Shape{x.columns()}), "add: x is ", x.shape(), ", y is ",
                  y.shape(), "; y must have the shape of x or of one row of it");
  const Tensor xv = x.value(), yv = y.value();
  Tensor z = Tensor::like(xv);
  add_kernels::forward(xv, yv, z);
  return record(add_op, {x, y}, z, [yv, one_row](const Tensor& dz, Wanted wanted) -> Gradients {
    Tensor dy = dz;
    if (one_row && wanted[1]) tensor::column_sums(dz, dy = Tensor::like(yv));
    return {dz, dy};
  });
}

}  // namespace autograd
