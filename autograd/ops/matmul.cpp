#include "autograd/ops/matmul.h"

#include "autograd/op.h"
#include "autograd/ops/dropout.h"
#include "tensor/gemm.h"

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
  return all;
}
static const Op matmul_op("matmul", matmul_samples);

Var matmul(const Var& a, const Var& b, bool ta, bool tb) {
  tensor::require(a.shape().rank() == 2 && b.shape().rank() == 2, "matmul: a is ", a.shape(), ", b is ", b.shape(),
                  "; both must have 2 dimensions");
  const int64_t m = a.shape()[ta ? 1 : 0], k = a.shape()[ta ? 0 : 1], n = b.shape()[tb ? 0 : 1];
  tensor::require(k == b.shape()[tb ? 1 : 0], "matmul: inner sizes differ, a is ", a.shape(), ta ? " transposed" : "",
                  ", b is ", b.shape(), tb ? " transposed" : "", "; the columns of a must be the rows of b");
  const Tensor av = a.value(), bv = b.value();
  Tensor y({m, n}, av.dtype(), av.device());
  matmul_kernels::product(av, bv, {}, y, {ta, tb});
  return record(matmul_op, {a, b}, y, [=](const Tensor& dy, Wanted wanted) -> Gradients {
    Tensor da, db;
    if (wanted[0]) {
      da = Tensor::like(av);
      if (ta) matmul_kernels::product(bv, dy, {}, da, {tb, true});
      else matmul_kernels::product(dy, bv, {}, da, {false, !tb});
    }
    if (wanted[1]) {
      db = Tensor::like(bv);
      if (tb) matmul_kernels::product(dy, av, {}, db, {true, ta});
      else matmul_kernels::product(av, dy, {}, db, {!ta, false});
    }
    return {da, db};
  });
}

}  // namespace autograd
