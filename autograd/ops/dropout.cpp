#include "autograd/ops/dropout.h"

#include "autograd/op.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace dropout_kernels {

static void apply_cpu(const Tensor& x, const Tensor& residual, double p, const tensor::Random& stream, Tensor& y) {
  tensor::for_real(x.dtype(), "dropout", [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data<T>(), *pr = residual.defined() ? residual.data<T>() : nullptr;
    T* py = y.data<T>();
    const uint32_t threshold = tensor::dropout_threshold(p);
    const T keep_scale = static_cast<T>(1 / (1 - p));
    // Pieces are multiples of 8 elements, one Philox block each, and stay in the first-level cache between the two loops.
    tensor::parallel_for(x.size(), 1 << 12, [&](int64_t begin, int64_t end) {
      const auto& simd = tensor::simd<T>();
      simd.dropout(stream.key(), begin, threshold, keep_scale, px + begin, py + begin, end - begin);
      if (pr) simd.add(py + begin, pr + begin, py + begin, end - begin);
    });
  });
}

constinit decltype(apply) apply{"dropout", apply_cpu};

}  // namespace dropout_kernels

static void require_probability(const char* name, double p) {
  tensor::require(p >= 0 && p < 1, name, ": p is ", p, "; it must be in [0, 1)");
}

static Tensor dropped(const Tensor& x, double p, const tensor::Random& stream) {
  Tensor y = Tensor::like(x);
  dropout_kernels::apply(x, Tensor(), p, stream, y);
  return y;
}

static std::vector<Sample> dropout_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return dropout(in[0], 0.3, tensor::Random(5, "sample")); };
  return {{{random_tensor({3, 11}, rng)}, run}, {{random_tensor({40}, rng)}, run}};
}
static const Op dropout_op("dropout", dropout_samples);

static std::vector<Sample> dropout_add_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return dropout_add(in[0], in[1], 0.3, tensor::Random(5, "sample")); };
  const auto keep_all = [](const Inputs& in) { return dropout_add(in[0], in[1], 0, tensor::Random(5, "sample")); };
  return {{{random_tensor({3, 11}, rng), random_tensor({3, 11}, rng)}, run},
          {{random_tensor({2, 3}, rng), random_tensor({2, 3}, rng)}, keep_all}};
}
static const Op dropout_add_op("dropout_add", dropout_add_samples);

Var dropout(const Var& x, double p, const tensor::Random& stream) {
  require_probability("dropout", p);
  if (p == 0) return x;
  return record(dropout_op, {x}, dropped(x.value(), p, stream),
                [p, stream](const Tensor& dy, Wanted) -> Gradients { return {dropped(dy, p, stream)}; });
}

Var dropout_add(const Var& x, const Var& residual, double p, const tensor::Random& stream) {
  require_probability("dropout_add", p);
  tensor::require(x.shape() == residual.shape() && x.value().dtype() == residual.value().dtype(), "dropout_add: x is ",
                  x.shape(), " ", x.value().dtype(), ", residual is ", residual.shape(), " ", residual.value().dtype(),
                  "; both must have one shape and type");
  Tensor y = Tensor::like(x.value());
  dropout_kernels::apply(x.value(), residual.value(), p, stream, y);
  return record(dropout_add_op, {x, residual}, y, [p, stream](const Tensor& dy, Wanted wanted) -> Gradients {
    return {wanted[0] && p > 0 ? dropped(dy, p, stream) : dy, dy};
  });
}

}  // namespace autograd
