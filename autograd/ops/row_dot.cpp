#include "autograd/ops/row_dot.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/row_scale.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace row_dot_kernels {

static void forward_cpu(const Tensor& a, const Tensor& b, Tensor& y) {
  tensor::for_real(a.dtype(), "row_dot", [&](auto zero) {
    using T = decltype(zero);
    const int64_t columns = a.columns();
    const T *pa = a.data<T>(), *pb = b.data<T>();
    T* py = y.data<T>();
    tensor::parallel_for(a.rows(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) py[i] = tensor::simd<T>().dot(pa + i * columns, pb + i * columns, columns);
    });
  });
}

constinit decltype(forward) forward{"row_dot.forward", forward_cpu};

}  // namespace row_dot_kernels

static std::vector<Sample> row_dot_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return row_dot(in[0], in[1]); };
  return {{{random_tensor({3, 5}, rng), random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1, 1}, rng), random_tensor({1, 1}, rng)}, run},
          {{random_tensor({0, 2}, rng), random_tensor({0, 2}, rng)}, run}};
}
static const Op row_dot_op("row_dot", row_dot_samples);

Var row_dot(const Var& a, const Var& b) {
  tensor::require(a.shape() == b.shape() && a.shape().rank() == 2, "row_dot: a is ", a.shape(), ", b is ", b.shape(),
                  "; both must be [n,d]");
  const Tensor av = a.value(), bv = b.value();
  Tensor y({av.rows()}, av.dtype(), av.device());
  row_dot_kernels::forward(av, bv, y);
  return record(row_dot_op, {a, b}, y, [av, bv](const Tensor& dy, Wanted wanted) -> Gradients {
    Tensor da, db;
    if (wanted[0]) row_scale_kernels::forward(bv, dy, da = Tensor::like(av));
    if (wanted[1]) row_scale_kernels::forward(av, dy, db = Tensor::like(bv));
    return {da, db};
  });
}

}  // namespace autograd
