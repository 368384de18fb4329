#include "autograd/ops/matmul.h"

#include "autograd/op.h"
#include "autograd/ops/add.h"
#include "autograd/ops/dropout.h"
#include "tensor/gemm.h"
#include "tensor/precision.h"

namespace autograd {

namespace matmul_kernels {

static void product_cpu(const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, Options options) {
  tensor::for_real(y.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    const int64_t inner = options.transpose_a ? a.rows() : a.columns();
    tensor::gemm<T>(options.transpose_a, options.transpose_b, y.rows(), y.columns(), inner, a.data<T>(), a.columns(),
                    b.data<T>(), b.columns(), y.data<T>(), y.columns(),
                    {.bias = bias.defined() ? bias.data<T>() : nullptr, .accumulate = options.accumulate, .relu = options.relu},
                    tensor::precision());
  });
  if (options.dropout > 0) dropout_kernels::apply(y, Tensor(), options.dropout, *options.stream, y);
}

constinit decltype(product) product{"matmul.product", product_cpu};
constinit decltype(round) round{"matmul.round", [](const Tensor&, Tensor&) { tensor::check(false, "matmul.round is for a GPU"); }};

bool is_rounded(const Tensor& x) {
  constexpr int64_t kGroup = 8;  // elements that tensor cores read at once; rows of other lengths are copied for every product
  return x.device() == tensor::Device::cuda && tensor::precision() == tensor::Precision::bf16 && x.dtype() == tensor::DType::f32 &&
         x.size() > 0 && x.columns() % kGroup == 0;
}

Tensor rounded_of(const Tensor& x) { return is_rounded(x) ? Tensor(x.shape(), tensor::DType::bf16, x.device()) : Tensor(); }

Tensor operand(const Tensor& x) {
  if (!is_rounded(x)) return x;
  Tensor y = x.rounded();
  if (!y.defined()) round(x, y);
  return y;
}

Tensor with_operand(Tensor x) {
  if (is_rounded(x)) x.set_rounded(operand(x));
  return x;
}

Tensor product_into(Wanted::Target target, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  product(a, b, {}, target.gradient,
          {.transpose_a = transpose_a, .transpose_b = transpose_b, .accumulate = target.add});
  return target.gradient;
}

}  // namespace matmul_kernels

static std::vector<Sample> matmul_samples(tensor::Generator& rng) {
  const auto random = [&](int64_t rows, int64_t columns, bool transposed) {
    return random_tensor(transposed ? Shape{columns, rows} : Shape{rows, columns}, rng);
  };
  std::vector<Sample> all;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const auto run = [=](const Inputs& in) { return matmul(in[0], in[1], ta, tb); };
      all.push_back({{random(3, 5, ta), random(5, 2, tb)}, run});
      all.push_back({{random(1, 1, ta), random(1, 7, tb)}, run});
    }
  }
  const auto twice = [](const Inputs& in) { return add(matmul(in[0], in[1]), matmul(in[0], in[2])); };  // adds to da
  all.push_back({{random(4, 3, false), random(3, 2, false), random(3, 2, false)}, twice});
  return all;
}
static const Op matmul_op("matmul", matmul_samples);

Var matmul(const Var& a, const Var& b, bool ta, bool tb) {
  tensor::require(a.shape().rank() == 2 && b.shape().rank() == 2, "matmul: a is ", a.shape(), ", b is ", b.shape(),
                  "; both must have 2 dimensions");
  const int64_t m = a.shape()[ta ? 1 : 0], k = a.shape()[ta ? 0 : 1], n = b.shape()[tb ? 0 : 1];
  tensor::require(k == b.shape()[tb ? 1 : 0], "matmul: inner sizes differ, a is ", a.shape(), ta ? " transposed" : "",
                  ", b is ", b.shape(), tb ? " transposed" : "", "; the columns of a must be the rows of b");
  Tensor y({m, n}, a.value().dtype(), a.value().device());
  const Tensor av = matmul_kernels::operand(a.value()), bv = matmul_kernels::operand(b.value());
  matmul_kernels::product(av, bv, {}, y, {ta, tb});
  return record(matmul_op, {a, b}, y, [=](const Tensor& gradient, Wanted wanted) -> Gradients {
    const Tensor dy = matmul_kernels::operand(gradient);
    Gradients gradients(2);
    if (wanted[0]) {
      gradients[0] = ta ? matmul_kernels::product_into(wanted.target(0), bv, dy, tb, true)
                        : matmul_kernels::product_into(wanted.target(0), dy, bv, false, !tb);
    }
    if (wanted[1]) {
      gradients[1] = tb ? matmul_kernels::product_into(wanted.target(1), dy, av, true, ta)
                        : matmul_kernels::product_into(wanted.target(1), av, dy, !ta, false);
    }
    return gradients;
  });
}

}  // namespace autograd
