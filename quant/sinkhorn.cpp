#include "quant/sinkhorn.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/reduce.h"

namespace quant {

namespace sinkhorn_kernels {

static constexpr int64_t kSinkhornGrain = 64;  // rows per piece of a parallel loop

// -centred / epsilon; the division of exp of it by its total is undone by the first scaling of the rows.
static void start_logarithms(const Tensor& distances, double epsilon, Tensor& logs) {
  tensor::for_real(distances.dtype(), "sinkhorn", [&](auto zero) {
    using T = decltype(zero);
    const auto d = distances.span<T>();
    const auto [low, high] = std::minmax_element(d.begin(), d.end());
    const double middle = (double{*high} + double{*low}) / 2, half = (double{*high} - double{*low}) / 2 + 1e-5;
    tensor::require(tensor::Fault::bad_data, std::isfinite(half), "sinkhorn: the distances are not finite");
    std::transform(d.begin(), d.end(), logs.data<double>(), [=](T x) { return -(double{x} - middle) / half / epsilon; });
  });
}

static void scale_rows(Tensor& logs) {
  const int64_t n = logs.rows(), codes = logs.columns();
  tensor::parallel_for(n, kSinkhornGrain, [&](int64_t begin, int64_t end) {
    const auto& simd = tensor::simd<double>();
    std::vector<double> scratch(codes);
    for (int64_t i = begin; i < end; ++i) {
      double* row = logs.data<double>() + i * codes;
      const double largest = simd.maximum(row, codes);
      const double shift = largest + std::log(simd.exp_sum(row, largest, scratch.data(), codes) * static_cast<double>(n));
      for (int64_t k = 0; k < codes; ++k) row[k] -= shift;
    }
  });
}

static void scale_columns(Tensor& logs) {
  const int64_t n = logs.rows(), codes = logs.columns();
  const double* first = logs.data<double>();
  std::vector<double> largest(first, first + codes), sums(codes);
  for (int64_t i = 1; i < n; ++i)
    for (int64_t k = 0; k < codes; ++k) largest[k] = std::max(largest[k], first[i * codes + k]);
  tensor::sum_row_pieces<double>(n, codes, sums.data(), [&](int64_t begin, int64_t end, double* part) {
    const auto& simd = tensor::simd<double>();
    std::vector<double> scratch(codes);
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t k = 0; k < codes; ++k) scratch[k] = first[i * codes + k] - largest[k];
      simd.exp(scratch.data(), scratch.data(), codes);
      simd.add(part, scratch.data(), part, codes);
    }
  });
  for (int64_t k = 0; k < codes; ++k) largest[k] += std::log(sums[k] * static_cast<double>(codes));
  tensor::parallel_for(n, kSinkhornGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t k = 0; k < codes; ++k) logs.data<double>()[i * codes + k] -= largest[k];
  });
}

static void logarithms_cpu(const Tensor& distances, const SinkhornOptions& options, Tensor& logs) {
  start_logarithms(distances, options.epsilon, logs);
  for (int i = 0; i < options.iterations; ++i) {
    scale_rows(logs);
    scale_columns(logs);
  }
}

static void largest_cpu(const Tensor& logs, Tensor& index) {
  const int64_t codes = logs.columns();
  for (int64_t i = 0; i < logs.rows(); ++i) {
    const double* row = logs.data<double>() + i * codes;
    index.data<int32_t>()[i] = static_cast<int32_t>(std::max_element(row, row + codes) - row);
  }
}

constinit decltype(logarithms) logarithms{"sinkhorn.logarithms", logarithms_cpu};
constinit decltype(largest) largest{"sinkhorn.largest", largest_cpu};

}  // namespace sinkhorn_kernels

static Tensor log_plan(const Tensor& distances, const SinkhornOptions& options) {
  tensor::require(distances.shape().rank() == 2 && distances.columns() > 0, "sinkhorn: distances are ", distances.shape(),
                  "; they must be [rows, codes] with at least one code");
  tensor::require(options.epsilon > 0 && options.iterations >= 0, "sinkhorn: epsilon ", options.epsilon, " and ",
                  options.iterations, " iterations; epsilon must be positive, iterations 0 or more");
  Tensor logs({distances.rows(), distances.columns()}, tensor::DType::f64, distances.device());
  if (distances.rows() > 0) sinkhorn_kernels::logarithms(distances, options, logs);
  return logs;
}

Tensor sinkhorn_plan(const Tensor& distances, const SinkhornOptions& options) {
  Tensor plan = log_plan(distances, options).to(tensor::Device::cpu);
  for (double& x : plan.span<double>()) x = std::exp(x) * static_cast<double>(distances.rows());
  return plan;
}

Tensor sinkhorn_assign(const Tensor& distances, const SinkhornOptions& options) {
  const Tensor logs = log_plan(distances, options);
  Tensor index({logs.rows()}, tensor::DType::i32, logs.device());
  sinkhorn_kernels::largest(logs, index);
  return index;
}

}  // namespace quant
