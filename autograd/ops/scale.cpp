#include "autograd/ops/scale.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace scale_kernels {

static void forward_cpu(const Tensor& x, double a, Tensor& y) {
  tensor::for_real(x.dtype(), "scale", [&](auto zero) {
    using T = decltype(zero);
    const T* px = x.data<T>();
    T* py = y.data<T>();
    tensor::parallel_for(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      tensor::simd<T>().scale(static_cast<T>(a), px + begin, py + begin, end - begin);
    });
  });
}

constinit decltype(forward) forward{"scale.forward", forward_cpu};

}  // namespace scale_kernels

static std::vector<Sample> scale_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return scale(in[0], -1.7); };
  return {{{random_tensor({3, 5}, rng)}, run}, {{random_tensor({}, rng)}, run}, {{random_tensor({0, 2}, rng)}, run}};
}
static const Op scale_op("scale", scale_samples);

Var scale(const Var& x, double a) {
  Tensor y = Tensor::like(x.value());
  scale_kernels::forward(x.value(), a, y);
  return record(scale_op, {x}, y, [a](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    scale_kernels::forward(dy, a, dx);
    return {dx};
  });
}

}  // namespace autograd
