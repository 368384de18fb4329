#include "autograd/ops/normalize_rows.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace normalize_rows_kernels {

static double value_of(const LengthFloor& floor) {
  return floor.length.defined() ? std::max(floor.least, floor.share * floor.length.item()) : floor.least;
}

static void forward_cpu(const Tensor& x, const LengthFloor& floor, Tensor& y, Tensor& norm) {
  const double least = value_of(floor);
  tensor::for_real(x.dtype(), "normalize_rows", [&](auto zero) {
    using T = decltype(zero);
    const auto& simd = tensor::simd<T>();
    const int64_t columns = x.columns();
    const T* px = x.data<T>();
    T *py = y.data<T>(), *pnorm = norm.data<T>();
    tensor::parallel_for(x.rows(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        pnorm[i] = std::sqrt(simd.dot(px + i * columns, px + i * columns, columns));
        simd.scale(1 / std::max(pnorm[i], static_cast<T>(least)), px + i * columns, py + i * columns, columns);
      }
    });
  });
}

static void backward_cpu(const Tensor& y, const Tensor& norm, const LengthFloor& floor, const Tensor& dy, Tensor& dx) {
  tensor::for_real(y.dtype(), "normalize_rows", [&](auto zero) {
    using T = decltype(zero);
    const auto& simd = tensor::simd<T>();
    const int64_t columns = y.columns();
    const T *py = y.data<T>(), *pnorm = norm.data<T>(), *pdy = dy.data<T>(), limit = static_cast<T>(value_of(floor));
    T* pdx = dx.data<T>();
    tensor::parallel_for(y.rows(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* row = py + i * columns;
        T* out = pdx + i * columns;
        simd.scale(1 / std::max(pnorm[i], limit), pdy + i * columns, out, columns);
        if (pnorm[i] >= limit) simd.axpy(-simd.dot(row, out, columns), row, out, columns);
      }
    });
  });
}

static void length_cpu(const Tensor& x, Tensor& length) {
  tensor::for_real(x.dtype(), "typical_length", [&](auto zero) {
    double sum = 0;
    for (const auto value : x.span<decltype(zero)>()) sum += double{value} * value;
    length.data<double>()[0] = std::sqrt(sum / static_cast<double>(std::max<int64_t>(x.rows(), 1)));
  });
}

constinit decltype(forward) forward{"normalize_rows.forward", forward_cpu};
constinit decltype(backward) backward{"normalize_rows.backward", backward_cpu};
constinit decltype(length) length{"normalize_rows.length", length_cpu};

}  // namespace normalize_rows_kernels

static std::vector<Sample> normalize_rows_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return normalize_rows(in[0], {.least = 0.1}); };
  const auto relative = [](const Inputs& in) {
    const Tensor length = Tensor::full({1}, 2, DType::f64).to(in[0].value().device());
    return normalize_rows(in[0], {.share = 0.05, .length = length});
  };
  Tensor x = random_away_from_zero({4, 3}, rng);  // lengths of 0.17 and more
  for (double& value : x.row_range(1, 2).span<double>()) value *= 0.01;
  return {{{x}, run}, {{x.clone()}, relative}, {{random_away_from_zero({1, 7}, rng)}, run}, {{random_away_from_zero({0, 2}, rng)}, run}};
}
static const Op normalize_rows_op("normalize_rows", normalize_rows_samples);

Var normalize_rows(const Var& x, const LengthFloor& floor) {
  tensor::require(x.shape().rank() == 2 && floor.least > 0, "normalize_rows: x is ", x.shape(), ", floor is ", floor.least,
                  "; x must be [n,d], floor positive");
  const Tensor xv = x.value();
  Tensor y = Tensor::like(xv), norm({xv.rows()}, xv.dtype(), xv.device());
  normalize_rows_kernels::forward(xv, floor, y, norm);
  return record(normalize_rows_op, {x}, y, [y, norm, floor](const Tensor& dy, Wanted) -> Gradients {
    Tensor dx = Tensor::like(dy);
    normalize_rows_kernels::backward(y, norm, floor, dy, dx);
    return {dx};
  });
}

Tensor typical_length(const Tensor& x) {
  Tensor length({1}, DType::f64, x.device());
  normalize_rows_kernels::length(x, length);
  return length;
}

}  // namespace autograd
