#include "autograd/ops/softmax.h"

#include <algorithm>

#include "autograd/op.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace softmax_kernels {

static void forward_cpu(const Tensor& x, Tensor& y) {
  tensor::for_real(x.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = x.columns();
    const T* px = x.data<T>();
    T* py = y.data<T>();
    tensor::parallel_for(x.rows(), std::max<int64_t>(1, (1 << 13) / n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) tensor::simd<T>().softmax(px + r * n, py + r * n, n);
    });
  });
}

static void backward_cpu(const Tensor& y, const Tensor& dy, Tensor& dx) {
  tensor::for_real(y.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = y.columns();
    const T *py = y.data<T>(), *pdy = dy.data<T>();
    T* pdx = dx.data<T>();
    tensor::parallel_for(y.rows(), std::max<int64_t>(1, (1 << 14) / n), [&](int64_t begin, int64_t end) {
      const auto& simd = tensor::simd<T>();
      for (int64_t i = begin * n; i < end * n; i += n) {
        const T mean = simd.dot(py + i, pdy + i, n);
        for (int64_t j = i; j < i + n; ++j) pdx[j] = py[j] * (pdy[j] - mean);
      }
    });
  });
}

constinit decltype(forward) forward{"softmax.forward", forward_cpu};
constinit decltype(backward) backward{"softmax.backward", backward_cpu};

}  // namespace softmax_kernels

static std::vector<Sample> softmax_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return softmax(in[0]); };
  return {{{random_tensor({3, 5}, rng)}, run}, {{random_tensor({2, 2, 19}, rng)}, run}};
}
static const Op softmax_op("softmax", softmax_samples);

Var softmax(const Var& x) {
  const Tensor xv = x.value();
  tensor::require(xv.columns() > 0, "softmax: x is ", xv.shape(), "; it needs at least one column");
  Tensor y = Tensor::like(xv);
  softmax_kernels::forward(xv, y);
  return record(softmax_op, {x}, y, [y](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(y);
    softmax_kernels::backward(y, dy, dx);
    return {dx};
  });
}

}  // namespace autograd
