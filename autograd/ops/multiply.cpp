#include "autograd/ops/multiply.h"

#include "autograd/op.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace multiply_kernels {

static void forward_cpu(const Tensor& x, const Tensor& y, Tensor& z) {
  tensor::for_real(x.dtype(), "multiply", [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data<T>(), *py = y.data<T>();
    T* pz = z.data<T>();
    tensor::parallel_for(x.size(), 1 << 15, [&](int64_t begin, int64_t end) {
      tensor::simd<T>().multiply(px + begin, py + begin, pz + begin, end - begin);
    });
  });
}

constinit decltype(forward) forward{"multiply.forward", forward_cpu};

}  // namespace multiply_kernels

static std::vector<Sample> multiply_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return multiply(in[0], in[1]); };
  return {{{random_tensor({3, 5}, rng), random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1}, rng), random_tensor({1}, rng)}, run}};
}
static const Op multiply_op("multiply", multiply_samples);

Var multiply(const Var& x, const Var& y) {
  tensor::require(x.shape() == y.shape(), "multiply: x is ", x.shape(), ", y is ", y.shape(), "; both must have one shape");
  const Tensor xv = x.value(), yv = y.value();
  Tensor z = Tensor::like(xv);
  multiply_kernels::forward(xv, yv, z);
  return record(multiply_op, {x, y}, z, [xv, yv](const Tensor& dz, Wanted wanted) -> Gradients {
    Tensor dx, dy;
    if (wanted[0]) multiply_kernels::forward(dz, yv, dx = Tensor::like(xv));
    if (wanted[1]) multiply_kernels::forward(dz, xv, dy = Tensor::like(yv));
    return {dx, dy};
  });
}

}  // namespace autograd
