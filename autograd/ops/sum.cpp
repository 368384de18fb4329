#include "autograd/ops/sum.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace sum_kernels {

static void forward_cpu(const Tensor& x, double a, Tensor& y) {
  tensor::for_real(x.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    const T* px = x.data<T>();
    const double total = tensor::parallel_sum<double>(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      return static_cast<double>(tensor::simd<T>().sum(px + begin, end - begin));
    });
    *y.data<T>() = static_cast<T>(a * total);
  });
}

static void backward_cpu(const Tensor& dy, double a, Tensor& dx) { dx.fill(a * dy.item()); }

constinit decltype(forward) forward{"sum.forward", forward_cpu};
constinit decltype(backward) backward{"sum.backward", backward_cpu};

}  // namespace sum_kernels

static std::vector<Sample> sum_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return sum(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run}, {{random_tensor({}, rng)}, run}, {{random_tensor({0, 2}, rng)}, run}};
}
static const Op sum_op("sum", sum_samples);

Var sum(const Var& x) {
  const Tensor xv = x.value();
  Tensor y({}, xv.dtype(), xv.device());
  sum_kernels::forward(xv, 1, y);
  return record(sum_op, {x}, y, [shape = xv.shape()](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx(shape, dy.dtype(), dy.device());
    sum_kernels::backward(dy, 1, dx);
    return {dx};
  });
}

}  // namespace autograd
