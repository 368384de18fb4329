#include "autograd/ops/scalar_mlps.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/gemm.h"
#include "tensor/reduce.h"

namespace autograd {

namespace scalar_mlps_kernels {

static void forward_cpu(const Tensor& x, const std::vector<Tensor>& weights, Tensor& hidden, Tensor& y) {
  tensor::for_real(x.dtype(), "scalar_mlps", [&](auto zero) {
    using T = decltype(zero);
    const int64_t rows = x.rows(), width = x.columns(), networks = y.columns(), all = hidden.columns(), of_one = all / networks;
    T *ph = hidden.data<T>(), *py = y.data<T>();
    for (int64_t i = 0; i < networks; ++i) {
      tensor::gemm<T>(false, false, rows, of_one, width, x.data<T>(), width, weights[2 * i].data<T>(), of_one,
                      ph + i * of_one, all, {.relu = true});
    }
    tensor::parallel_for(rows, row_grain(all), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t i = 0; i < networks; ++i) {
          py[r * networks + i] = tensor::simd<T>().dot(ph + r * all + i * of_one, weights[2 * i + 1].data<T>(), of_one);
        }
      }
    });
  });
}

static void backward_cpu(const Tensor& x, const std::vector<Tensor>& weights, const Tensor& hidden, const Tensor& dy,
                         Tensor& dx, Tensor& dweights) {
  tensor::for_real(x.dtype(), "scalar_mlps", [&](auto zero) {
    using T = decltype(zero);
    const int64_t rows = x.rows(), width = x.columns(), networks = dy.columns(), all = hidden.columns();
    const int64_t of_one = all / networks;
    const T *px = x.data<T>(), *ph = hidden.data<T>(), *pdy = dy.data<T>();
    Tensor dhidden = Tensor::like(hidden), dout({all}, x.dtype());  // before the ReLUs; of all v
    T* g = dhidden.data<T>();
    tensor::sum_row_pieces(rows, all, dout.data<T>(), [&](int64_t begin, int64_t end, T* part) {
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t i = 0; i < networks; ++i) {
          const int64_t at = r * all + i * of_one;
          const T d = pdy[r * networks + i];
          tensor::simd<T>().relu_backward(d, ph + at, weights[2 * i + 1].data<T>(), g + at, of_one);
          tensor::simd<T>().axpy(d, ph + at, part + i * of_one, of_one);
        }
      }
    });
    T* gradient = dweights.data<T>();
    for (int64_t i = 0; i < networks; ++i) {
      tensor::gemm<T>(true, false, width, of_one, rows, px, width, g + i * of_one, all, gradient, of_one);
      gradient = std::copy_n(dout.data<T>() + i * of_one, of_one, gradient + width * of_one);
      if (!dx.defined()) continue;
      tensor::gemm<T>(false, true, rows, width, of_one, g + i * of_one, all, weights[2 * i].data<T>(), of_one, dx.data<T>(),
                      width, {.accumulate = i > 0});
    }
  });
}

constinit decltype(forward) forward{"scalar_mlps.forward", forward_cpu};
constinit decltype(backward) backward{"scalar_mlps.backward", backward_cpu};

}  // namespace scalar_mlps_kernels

static std::vector<Sample> scalar_mlps_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) {
    std::vector<ScalarMlp> mlps;
    for (size_t i = 1; i < in.size(); i += 2) mlps.push_back({in[i], in[i + 1]});
    return scalar_mlps(in[0], mlps);
  };
  // Away from the kink: |x W| >= 0.01 for a width of 1, and of a width of 2 with signs that cannot cancel.
  const auto positive = [&](Shape shape) {
    Tensor x = random_away_from_zero(shape, rng);
    for (double& v : x.span<double>()) v = std::abs(v);
    return x;
  };
  Tensor signs = positive({2, 3});  // a column of W above 0, one below, one above
  for (int64_t i = 0; i < 2; ++i) signs.data<double>()[3 * i + 1] *= -1;
  return {{{random_away_from_zero({5, 1}, rng), random_away_from_zero({1, 4}, rng), random_tensor({4, 1}, rng),
            random_away_from_zero({1, 4}, rng), random_tensor({4, 1}, rng)}, run},
          {{positive({4, 2}), signs, random_tensor({3, 1}, rng)}, run}};
}
static const Op scalar_mlps_op("scalar_mlps", scalar_mlps_samples);

Var scalar_mlps(const Var& x, const std::vector<ScalarMlp>& mlps) {
  const Tensor xv = x.value();
  tensor::require(!mlps.empty() && mlps.size() <= kMostScalars, "scalar_mlps: ", mlps.size(),
                  " networks; it takes from 1 to ", kMostScalars);
  const int64_t networks = static_cast<int64_t>(mlps.size()), width = xv.columns(), of_one = mlps[0].hidden.columns();
  std::vector<Var> inputs{x};
  std::vector<Tensor> weights;
  for (const auto& [hidden, out] : mlps) {
    tensor::require(xv.shape().rank() == 2 && hidden.shape() == Shape{width, of_one} && out.shape() == Shape{of_one, 1},
                    "scalar_mlps: x is ", xv.shape(), ", weights are ", hidden.shape(), " and ", out.shape(),
                    "; they must be [rows, width], and of every network [width, ", of_one, "] and [", of_one, ",1]");
    inputs.push_back(hidden), inputs.push_back(out);
    weights.push_back(hidden.value()), weights.push_back(out.value());
  }
  Tensor hidden({xv.rows(), networks * of_one}, xv.dtype(), xv.device()), y({xv.rows(), networks}, xv.dtype(), xv.device());
  scalar_mlps_kernels::forward(xv, weights, hidden, y);
  return record(scalar_mlps_op, inputs, y, [=](const Tensor& dy, Wanted wanted) -> Gradients {
    Gradients gradients{wanted[0] ? Tensor::like(xv) : Tensor()};
    Tensor dweights({networks * (width + 1) * of_one}, xv.dtype(), xv.device());
    scalar_mlps_kernels::backward(xv, weights, hidden, dy, gradients[0], dweights);
    int64_t at = 0;
    for (const Tensor& w : weights) {
      gradients.push_back(dweights.row_range(at, at + w.size()).reshape(w.shape()));
      at += w.size();
    }
    return gradients;
  });
}

}  // namespace autograd
