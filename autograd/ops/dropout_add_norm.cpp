#include "autograd/ops/dropout_add_norm.h"

#include <algorithm>

#include "autograd/op.h"
#include "autograd/ops/add.h"
#include "tensor/reduce.h"

namespace autograd {

namespace dropout_add_norm_kernels {

// Rows whose elements begin at a multiple of 8, as the random numbers of dropout want it, and stay in the first-level cache.
static constexpr int64_t kRows = 8;

// The norm of a row and its gradient: layer norm, or without a mean root mean square.
template <class T>
struct RowNorm {
  int64_t n;
  const T *weight, *shift;
  T *mean, *inverse;

  void forward(int64_t r, T epsilon, const T* x, T* y) const {
    if (mean) tensor::simd<T>().layer_norm(x, weight, shift, epsilon, y, mean + r, inverse + r, n);
    else tensor::simd<T>().rms_norm(x, weight, epsilon, y, inverse + r, n);
  }
  // Adds to `sums`, dweight and, of layer norm, dshift after it.
  void backward(int64_t r, const T* x, const T* dy, T* dx, T* sums) const {
    if (mean) tensor::simd<T>().layer_norm_backward(x, weight, dy, mean[r], inverse[r], dx, sums, sums + n, n);
    else tensor::simd<T>().rms_norm_backward(x, weight, dy, inverse[r], dx, sums, n);
  }
};

template <class T>
static T* data_or_null(const Tensor& x) { return x.defined() ? const_cast<T*>(x.data<T>()) : nullptr; }

// y = dropout(x) for `count` elements from `first` on.
template <class T>
static void drop(const Dropped& dropped, const T* x, int64_t first, int64_t count, T* y) {
  tensor::simd<T>().dropout(dropped.stream.key(), static_cast<uint64_t>(first), tensor::dropout_threshold(dropped.p),
                            static_cast<T>(1 / (1 - dropped.p)), x + first, y + first, count);
}

static void forward_cpu(const Tensor& x, const Tensor& residual, const Dropped& dropped, const Tensor& weight,
                        const Tensor& shift, double epsilon, Tensor& sum, Tensor& y, Tensor& mean, Tensor& inverse) {
  tensor::for_real(x.dtype(), "dropout_add_norm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = x.columns(), groups = tensor::ceil_div(x.rows(), kRows), grain = tensor::ceil_div(1 << 12, n);
    const RowNorm<T> norm{n, weight.data<T>(), data_or_null<T>(shift), data_or_null<T>(mean), inverse.data<T>()};
    const T *px = x.data<T>(), *pr = residual.data<T>();
    T *ps = sum.data<T>(), *py = y.data<T>();
    tensor::parallel_for(groups, grain, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g) {
        const int64_t row = g * kRows, rows = std::min(kRows, x.rows() - row), at = row * n;
        if (dropped.p > 0) drop(dropped, px, at, rows * n, ps);
        tensor::simd<T>().add(dropped.p > 0 ? ps + at : px + at, pr + at, ps + at, rows * n);
        for (int64_t r = row; r < row + rows; ++r) norm.forward(r, static_cast<T>(epsilon), ps + r * n, py + r * n);
      }
    });
  });
}

static void backward_cpu(const Tensor& sum, const Tensor& weight, const Tensor& mean, const Tensor& inverse,
                         const Dropped& dropped, const Tensor& dsum, const Tensor& dy, Tensor& dx, Tensor& dresidual,
                         Tensor& dweight, Tensor& dshift) {
  tensor::for_real(sum.dtype(), "dropout_add_norm", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = sum.columns(), kinds = dshift.defined() ? 2 : 1;
    const RowNorm<T> norm{n, weight.data<T>(), nullptr, data_or_null<T>(mean), data_or_null<T>(inverse)};
    const T *ps = sum.data<T>(), *pdy = dy.data<T>(), *pdsum = data_or_null<T>(dsum);
    T *pdr = dresidual.data<T>(), *pdx = data_or_null<T>(dx);
    Tensor sums({kinds * n}, sum.dtype());
    tensor::sum_row_pieces(sum.rows(), kinds * n, sums.data<T>(), [&](int64_t begin, int64_t end, T* part) {
      for (int64_t row = begin; row < end; row += kRows) {
        const int64_t rows = std::min(kRows, end - row), at = row * n;
        for (int64_t r = row; r < row + rows; ++r) norm.backward(r, ps + r * n, pdy + r * n, pdr + r * n, part);
        if (pdsum) tensor::simd<T>().add(pdsum + at, pdr + at, pdr + at, rows * n);
        if (pdx) drop(dropped, pdr, at, rows * n, pdx);
      }
    });
    std::copy_n(sums.data<T>(), n, dweight.data<T>());
    if (dshift.defined()) std::copy_n(sums.data<T>() + n, n, dshift.data<T>());
  });
}

constinit decltype(forward) forward{"dropout_add_norm.forward", forward_cpu};
constinit decltype(backward) backward{"dropout_add_norm.backward", backward_cpu};

}  // namespace dropout_add_norm_kernels

namespace {

using dropout_add_norm_kernels::Dropped;

// What both norms have in common; the mean is undefined for root mean square.
struct SavedSum {
  Tensor sum, mean, inverse;
};

void require_row(const char* name, const char* which, const Var& w, const Var& x) {
  tensor::require(w.shape() == Shape{x.columns()} && w.value().dtype() == x.value().dtype(), name, ": x is ", x.shape(), " ",
                  x.value().dtype(), ", ", which, " is ", w.shape(), " ", w.value().dtype(), "; ", which, " must be [",
                  x.columns(), "] of the same type");
}

Tensor run_sum(const char* name, const Var& x, const Var& residual, const Var& weight, const Var& shift, const Dropped& dropped,
           double epsilon, SavedSum& saved) {
  const Tensor xv = x.value();
  tensor::require(dropped.p >= 0 && dropped.p < 1, name, ": p is ", dropped.p, "; it must be in [0, 1)");
  tensor::require(xv.shape().rank() >= 1 && xv.columns() > 0, name, ": x is ", xv.shape(), "; it needs at least one column");
  tensor::require(x.shape() == residual.shape() && xv.dtype() == residual.value().dtype(), name, ": x is ", x.shape(), " ",
                  xv.dtype(), ", residual is ", residual.shape(), " ", residual.value().dtype(),
                  "; both must have one shape and type");
  require_row(name, shift.defined() ? "gamma" : "w", weight, x);
  if (shift.defined()) require_row(name, "beta", shift, x);
  Tensor y = Tensor::like(xv);
  saved = {Tensor::like(xv), Tensor(), Tensor({xv.rows()}, xv.dtype(), xv.device())};
  if (shift.defined()) saved.mean = Tensor::like(saved.inverse);
  dropout_add_norm_kernels::forward(xv, residual.value(), dropped, weight.value(), value_or_none(shift),
                                    epsilon, saved.sum, y, saved.mean, saved.inverse);
  return y;
}

// The gradients of x, residual, weight and, of layer norm, shift.
Gradients run_sum_backward(const SavedSum& saved, const Tensor& weight, const Dropped& dropped, const Tensor& dsum,
                       const Tensor& dy) {
  Tensor dresidual = Tensor::like(saved.sum), dweight = Tensor::like(weight);
  Tensor dx = dropped.p > 0 ? Tensor::like(dresidual) : Tensor(), dshift = saved.mean.defined() ? Tensor::like(weight) : Tensor();
  const Tensor given = dy.defined() ? dy : Tensor::zeros(saved.sum.shape(), saved.sum.dtype(), saved.sum.device());
  dropout_add_norm_kernels::backward(saved.sum, weight, saved.mean, saved.inverse, dropped, dsum, given, dx, dresidual, dweight,
                                     dshift);
  Gradients gradients{dx.defined() ? dx : dresidual, dresidual, dweight};
  if (dshift.defined()) gradients.push_back(dshift);
  return gradients;
}

const tensor::Random& sum_stream() {
  static const tensor::Random stream(5, "sample");
  return stream;
}

std::vector<Sample> sum_rms_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in, double p) { return dropout_add_rms_norm(in[0], in[1], in[2], p, sum_stream()); };
  const auto both = [=](const Inputs& in) {
    const TwoVars y = run(in, 0.3);
    return add(y.first, y.second);
  };
  const auto normed = [=](const Inputs& in) { return run(in, 0).second; };
  const auto sum = [=](const Inputs& in) { return add(run(in, 0.3).first, in[2]); };  // w has a gradient without the norm
  const auto inputs = [&](Shape shape) {
    return std::vector<Tensor>{random_tensor(shape, rng), random_tensor(shape, rng), random_tensor({shape[-1]}, rng)};
  };
  return {{inputs({4, 6}), both}, {inputs({2, 9, 17}), both}, {inputs({3, 2}), normed}, {inputs({5, 3}), sum}};
}
const Op sum_rms_op("dropout_add_rms_norm", sum_rms_samples);

std::vector<Sample> sum_layer_samples(tensor::Generator& rng) {
  const auto run = [](double p) {
    return [p](const Inputs& in) { return dropout_add_layer_norm(in[0], in[1], in[2], in[3], p, sum_stream()); };
  };
  const auto inputs = [&](Shape shape) {
    const Shape columns{shape[-1]};
    return std::vector<Tensor>{random_tensor(shape, rng), random_tensor(shape, rng), random_tensor(columns, rng),
                               random_tensor(columns, rng)};
  };
  return {{inputs({4, 6}), run(0.3)}, {inputs({2, 9, 17}), run(0.3)}, {inputs({3, 5}), run(0)}};
}
const Op sum_layer_op("dropout_add_layer_norm", sum_layer_samples);

}  // namespace

TwoVars dropout_add_rms_norm(const Var& x, const Var& residual, const Var& w, double p, const tensor::Random& stream,
                             double epsilon) {
  const Dropped dropped{p, stream};
  SavedSum saved;
  const Tensor y = run_sum("dropout_add_rms_norm", x, residual, w, {}, dropped, epsilon, saved);
  return record(sum_rms_op, {x, residual, w}, saved.sum, y,
                [saved, dropped, wv = w.value()](const Tensor& dsum, const Tensor& dy, Wanted) {
                  return run_sum_backward(saved, wv, dropped, dsum, dy);
                });
}

Var dropout_add_layer_norm(const Var& x, const Var& residual, const Var& gamma, const Var& beta, double p,
                           const tensor::Random& stream, double epsilon) {
  const Dropped dropped{p, stream};
  SavedSum saved;
  const Tensor y = run_sum("dropout_add_layer_norm", x, residual, gamma, beta, dropped, epsilon, saved);
  return record(sum_layer_op, {x, residual, gamma, beta}, y,
                [saved, dropped, gv = gamma.value()](const Tensor& dy, Wanted) {
                  return run_sum_backward(saved, gv, dropped, Tensor(), dy);
                });
}

}  // namespace autograd
