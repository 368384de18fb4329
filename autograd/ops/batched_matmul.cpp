#include "autograd/ops/batched_matmul.h"

#include "autograd/op.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"

namespace autograd {

namespace batched_matmul_kernels {

static void product_cpu(const Tensor& a, const Tensor& b, bool ta, bool tb, Tensor& y) {
  tensor::for_real(y.dtype(), "batched_matmul", [&](auto zero) {
    using T = decltype(zero);
    const int64_t batch = y.shape()[0], m = y.shape()[1], n = y.shape()[2], k = a.shape()[ta ? 1 : 2];
    const T *pa = a.data<T>(), *pb = b.data<T>();
    T* py = y.data<T>();
    const int64_t grain = std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, m * n * k));  // multiplications per piece
    tensor::parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        tensor::gemm_serial<T>(ta, tb, m, n, k, pa + i * m * k, a.columns(), pb + i * k * n, b.columns(), py + i * m * n, n, {},
                               tensor::precision());
      }
    });
  });
}

constinit decltype(product) product{"batched_matmul.product", product_cpu};

}  // namespace batched_matmul_kernels

static std::vector<Sample> batched_matmul_samples(tensor::Generator& rng) {
  const auto random = [&](int64_t batch, int64_t rows, int64_t columns, bool transposed) {
    return random_tensor(transposed ? Shape{batch, columns, rows} : Shape{batch, rows, columns}, rng);
  };
  std::vector<Sample> all;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const auto run = [=](const Inputs& in) { return batched_matmul(in[0], in[1], ta, tb); };
      all.push_back({{random(2, 3, 5, ta), random(2, 5, 2, tb)}, run});
      all.push_back({{random(1, 1, 1, ta), random(1, 1, 3, tb)}, run});
    }
  }
  return all;
}
static const Op batched_matmul_op("batched_matmul", batched_matmul_samples);

Var batched_matmul(const Var& a, const Var& b, bool ta, bool tb) {
  tensor::require(a.shape().rank() == 3 && b.shape().rank() == 3 && a.shape()[0] == b.shape()[0], "batched_matmul: a is ",
                  a.shape(), ", b is ", b.shape(), "; both must have 3 dimensions and as many matrices");
  const int64_t batch = a.shape()[0], m = a.shape()[ta ? 2 : 1], k = a.shape()[ta ? 1 : 2], n = b.shape()[tb ? 1 : 2];
  tensor::require(k == b.shape()[tb ? 2 : 1], "batched_matmul: inner sizes differ, a is ", a.shape(),
                  ta ? " transposed" : "", ", b is ", b.shape(), tb ? " transposed" : "",
                  "; the columns of each a must be the rows of its b");
  const Tensor av = a.value(), bv = b.value();
  Tensor y({batch, m, n}, av.dtype(), av.device());
  batched_matmul_kernels::product(av, bv, ta, tb, y);
  return record(batched_matmul_op, {a, b}, y, [=](const Tensor& dy, Wanted wanted) -> Gradients {
    Tensor da, db;
    if (wanted[0]) {
      da = Tensor::like(av);
      if (ta) batched_matmul_kernels::product(bv, dy, tb, true, da);
      else batched_matmul_kernels::product(dy, bv, false, !tb, da);
    }
    if (wanted[1]) {
      db = Tensor::like(bv);
      if (tb) batched_matmul_kernels::product(dy, av, true, ta, db);
      else batched_matmul_kernels::product(av, dy, !ta, false, db);
    }
    return {da, db};
  });
}

}  // namespace autograd
