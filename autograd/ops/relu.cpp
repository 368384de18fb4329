#include "autograd/ops/relu.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace relu_kernels {

static void forward_cpu(const Tensor& x, Tensor& y) {
  tensor::for_real(x.dtype(), "relu", [&](auto zero) {
    using T = decltype(zero);
    const T* px = x.data<T>();
    T* py = y.data<T>();
    tensor::parallel_for(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      tensor::simd<T>().relu(px + begin, py + begin, end - begin);
    });
  });
}

static void backward_cpu(const Tensor& y, const Tensor& dy, Tensor& dx) {
  tensor::for_real(y.dtype(), "relu", [&](auto zero) {
    using T = decltype(zero);
    const T *py = y.data<T>(), *pdy = dy.data<T>();
    T* pdx = dx.data<T>();
    tensor::parallel_for(y.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      tensor::simd<T>().relu_backward(T{1}, py + begin, pdy + begin, pdx + begin, end - begin);
    });
  });
}

constinit decltype(forward) forward{"relu.forward", forward_cpu};
constinit decltype(backward) backward{"relu.backward", backward_cpu};

}  // namespace relu_kernels

static std::vector<Sample> relu_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return relu(in[0]); };
  return {{{random_away_from_zero({3, 5}, rng)}, run},
          {{Tensor::from<double>({0.7}, {1})}, run},  // above 0, where the gradient can be wrong
          {{random_away_from_zero({0, 2}, rng)}, run}};
}
static const Op relu_op("relu", relu_samples);

Var relu(const Var& x) {
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv);
  relu_kernels::forward(xv, y);
  return record(relu_op, {x}, y, [y](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    relu_kernels::backward(y, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
