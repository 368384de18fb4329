#include "autograd/ops/rms_norm.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/reduce.h"

namespace autograd {

namespace rms_norm_kernels {

static void forward_cpu(const Tensor& x, const Tensor& w, double epsilon, Tensor& y, Tensor& rrms) {
  tensor::for_real(x.dtype(), "rms_norm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = x.columns();
    const T *px = x.data<T>(), *pw = w.data<T>();
    T *py = y.data<T>(), *ps = rrms.data<T>();
    tensor::parallel_for(x.rows(), row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        tensor::simd<T>().rms_norm(px + r * n, pw, static_cast<T>(epsilon), py + r * n, ps + r, n);
      }
    });
  });
}

static void backward_cpu(const Tensor& x, const Tensor& w, const Tensor& rrms, const Tensor& dy, Tensor& dx, Tensor& dw) {
  tensor::for_real(x.dtype(), "rms_norm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = x.columns();
    const T *px = x.data<T>(), *pw = w.data<T>(), *ps = rrms.data<T>(), *pdy = dy.data<T>();
    T* pdx = dx.data<T>();
    tensor::sum_row_pieces(x.rows(), n, dw.data<T>(), [&](int64_t begin, int64_t end, T* part) {
      for (int64_t r = begin; r < end; ++r) {
        tensor::simd<T>().rms_norm_backward(px + r * n, pw, pdy + r * n, ps[r], pdx + r * n, part, n);
      }
    });
  });
}

constinit decltype(forward) forward{"rms_norm.forward", forward_cpu};
constinit decltype(backward) backward{"rms_norm.backward", backward_cpu};

}  // namespace rms_norm_kernels

static std::vector<Sample> rms_norm_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return rms_norm(in[0], in[1]); };
  const auto large_epsilon = [](const Inputs& in) { return rms_norm(in[0], in[1], .5); };
  return {{{random_tensor({4, 6}, rng), random_tensor({6}, rng)}, run},
          {{random_tensor({2, 2, 17}, rng), random_tensor({17}, rng)}, run},
          {{random_tensor({3, 2}, rng), random_tensor({2}, rng)}, large_epsilon}};
}
static const Op rms_norm_op("rms_norm", rms_norm_samples);

Var rms_norm(const Var& x, const Var& w, double epsilon) {
  const Tensor xv = x.value(), wv = w.value();
  tensor::require(xv.shape().rank() >= 1 && xv.columns() > 0, "rms_norm: x is ", xv.shape(),
                  "; it needs at least one column");
  tensor::require(wv.shape() == Shape{xv.columns()} && wv.dtype() == xv.dtype(), "rms_norm: x is ", xv.shape(), " ",
                  xv.dtype(), ", w is ", wv.shape(), " ", wv.dtype(), "; w must be [", xv.columns(), "] of the same type");
  Tensor y = Tensor::like(xv), rrms({xv.rows()}, xv.dtype(), xv.device());
  rms_norm_kernels::forward(xv, wv, epsilon, y, rrms);
  return record(rms_norm_op, {x, w}, y, [xv, wv, rrms](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(xv), dw = Tensor::like(wv);
    rms_norm_kernels::backward(xv, wv, rrms, dy, dx, dw);
    return {dx, dw};
  });
}

}  // namespace autograd
