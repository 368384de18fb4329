#include "nn/initializers.h"

#include <cmath>

#include "tensor/parallel.h"

namespace nn {

using tensor::Random;
using tensor::Tensor;

namespace {

// w[i] = f(i)
template <class F>
void generate(Tensor& w, F&& f) {
  tensor::for_real(w.dtype(), "initialise", [&](auto zero) {
    using T = decltype(zero);
    T* p = w.data<T>();
    tensor::parallel_for(w.size(), 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) p[i] = static_cast<T>(f(static_cast<uint64_t>(i)));
    });
  });
}

double fan_sum(const tensor::Shape& shape) {
  tensor::require(shape.rank() >= 2, "xavier: needs a matrix, the parameter is ", shape,
                  "; start vectors with zeros or uniform");
  return static_cast<double>(shape[-2] + shape[-1]);
}

void fill_uniform(Tensor& w, const Random& random, double low, double high) {
  generate(w, [&](uint64_t i) { return low + (high - low) * random.uniform(i); });
}

}  // namespace

Initializer zeros() {
  return [](Tensor& w, const Random&) { w.fill(0); };
}

Initializer ones() {
  return [](Tensor& w, const Random&) { w.fill(1); };
}

Initializer uniform(double low, double high) {
  return [=](Tensor& w, const Random& random) { fill_uniform(w, random, low, high); };
}

Initializer normal(double deviation) {
  return [=](Tensor& w, const Random& random) { generate(w, [&](uint64_t i) { return deviation * random.normal(i); }); };
}

Initializer normal_blocks(std::vector<double> deviations) {
  return [deviations](Tensor& w, const Random& random) {
    const auto columns = static_cast<uint64_t>(w.columns()), blocks = static_cast<uint64_t>(deviations.size());
    tensor::check(blocks > 0 && columns % blocks == 0, "initialise: ", columns, " columns in ", blocks, " blocks");
    generate(w, [&](uint64_t i) { return deviations[i % columns * blocks / columns] * random.normal(i); });
  };
}

Initializer from(Tensor values) {
  return [values](Tensor& w, const Random&) {
    tensor::require(values.shape() == w.shape(), "initialise: the values are ", values.shape(), ", the parameter is ",
                    w.shape());
    w.copy_from(values.to(tensor::Device::cpu).to(w.dtype()));
  };
}

Initializer xavier_uniform() {
  return [](Tensor& w, const Random& random) {
    const double bound = std::sqrt(6 / fan_sum(w.shape()));
    fill_uniform(w, random, -bound, bound);
  };
}

Initializer xavier_normal() {
  return [](Tensor& w, const Random& random) { normal(std::sqrt(2 / fan_sum(w.shape())))(w, random); };
}

Initializer xavier_uniform(int64_t fan_in, int64_t fan_out) {
  const double bound = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  return uniform(-bound, bound);
}

}  // namespace nn
