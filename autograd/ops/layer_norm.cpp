#include "autograd/ops/layer_norm.h"

#include <algorithm>

#include "autograd/op.h"
#include "tensor/divide.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace layer_norm_kernels {

static int64_t rows_per_piece(int64_t columns) { return std::max<int64_t>(1, (1 << 13) / columns); }

static void forward_cpu(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon, Tensor& y, Tensor& mean,
                        Tensor& rstd) {
  tensor::for_real(x.dtype(), "layer_norm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = x.columns();
    const T *px = x.data<T>(), *pg = gamma.data<T>(), *pb = beta.data<T>();
    T *py = y.data<T>(), *pm = mean.data<T>(), *ps = rstd.data<T>();
    tensor::parallel_for(x.rows(), rows_per_piece(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        tensor::simd<T>().layer_norm(px + r * n, pg, pb, static_cast<T>(epsilon), py + r * n, pm + r, ps + r, n);
      }
    });
  });
}

// Each piece of rows sums its own dgamma and dbeta; the pieces are added in order.
static void backward_cpu(const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd, const Tensor& dy,
                         Tensor& dx, Tensor& dgamma, Tensor& dbeta) {
  tensor::for_real(x.dtype(), "layer_norm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = x.columns(), rows = x.rows(), grain = rows_per_piece(n), pieces = tensor::ceil_div(rows, grain);
    Tensor partial = Tensor::zeros({pieces, 2 * n}, x.dtype());
    const T *px = x.data<T>(), *pg = gamma.data<T>(), *pm = mean.data<T>(), *ps = rstd.data<T>(), *pdy = dy.data<T>();
    T *pdx = dx.data<T>(), *pp = partial.data<T>();
    tensor::parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
      T* sums = pp + begin / grain * 2 * n;
      for (int64_t r = begin; r < end; ++r) {
        tensor::simd<T>().layer_norm_backward(px + r * n, pg, pdy + r * n, pm[r], ps[r], pdx + r * n, sums, sums + n, n);
      }
    });
    T *pdg = dgamma.data<T>(), *pdb = dbeta.data<T>();
    std::fill_n(pdg, n, T{0});
    std::fill_n(pdb, n, T{0});
    for (int64_t i = 0; i < pieces; ++i) {
      tensor::simd<T>().add(pdg, pp + i * 2 * n, pdg, n);
      tensor::simd<T>().add(pdb, pp + i * 2 * n + n, pdb, n);
    }
  });
}

constinit decltype(forward) forward{"layer_norm.forward", forward_cpu};
constinit decltype(backward) backward{"layer_norm.backward", backward_cpu};

}  // namespace layer_norm_kernels

static std::vector<Sample> layer_norm_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); };
  return {{{random_tensor({4, 6}, rng), random_tensor({6}, rng), random_tensor({6}, rng)}, run},
          {{random_tensor({2, 2, 17}, rng), random_tensor({17}, rng), random_tensor({17}, rng)}, run}};
}
static const Op layer_norm_op("layer_norm", layer_norm_samples);

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon) {
  const Tensor xv = x.value(), gv = gamma.value();
  tensor::require(xv.shape().rank() >= 1 && xv.columns() > 0, "layer_norm: x is ", xv.shape(),
                  "; it needs at least one column");
  const Shape columns{xv.columns()};
  tensor::require(gv.shape() == columns && beta.shape() == columns, "layer_norm: x is ", xv.shape(), ", gamma is ",
                  gv.shape(), ", beta is ", beta.shape(), "; gamma and beta must be ", columns);
  Tensor y = Tensor::like(xv), mean({xv.rows()}, xv.dtype(), xv.device()), rstd = Tensor::like(mean);
  layer_norm_kernels::forward(xv, gv, beta.value(), epsilon, y, mean, rstd);
  return record(layer_norm_op, {x, gamma, beta}, y, [xv, gv, mean, rstd](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(xv), dgamma = Tensor::like(gv), dbeta = Tensor::like(gv);
    layer_norm_kernels::backward(xv, gv, mean, rstd, dy, dx, dgamma, dbeta);
    return {dx, dgamma, dbeta};
  });
}

}  // namespace autograd
