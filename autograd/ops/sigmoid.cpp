#include "autograd/ops/sigmoid.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace sigmoid_kernels {

static void forward_cpu(const Tensor& x, Tensor& y) {
  tensor::for_real(x.dtype(), "sigmoid", [&](auto zero) {
    using T = decltype(zero);
    const T* px = x.data<T>();
    T* py = y.data<T>();
    tensor::parallel_for(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      tensor::simd<T>().scale(-1, px + begin, py + begin, end - begin);
      tensor::simd<T>().exp(py + begin, py + begin, end - begin);
      for (int64_t i = begin; i < end; ++i) py[i] = 1 / (1 + py[i]);
    });
  });
}

static void backward_cpu(const Tensor& y, const Tensor& dy, Tensor& dx) {
  map("sigmoid", dx, [](auto y, auto dy) { return dy * y * (1 - y); }, y, dy);
}

constinit decltype(forward) forward{"sigmoid.forward", forward_cpu};
constinit decltype(backward) backward{"sigmoid.backward", backward_cpu};

}  // namespace sigmoid_kernels

static std::vector<Sample> sigmoid_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return sigmoid(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1}, rng)}, run},
          {{random_tensor({0, 2}, rng)}, run}};
}
static const Op sigmoid_op("sigmoid", sigmoid_samples);

Var sigmoid(const Var& x) {
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv);
  sigmoid_kernels::forward(xv, y);
  return record(sigmoid_op, {x}, y, [y](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    sigmoid_kernels::backward(y, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
