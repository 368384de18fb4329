// Operands of matrix products, what the products should be, in double, the comparison, and the sets to compare on.
#pragma once

#include <cmath>
#include <vector>

#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/simd/simd.h"
#include "tests/catch.h"
#include "tests/tensor/amx_trap.h"

namespace tests {

struct Case {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  bool bias = false, accumulate = false, relu = false;
  int64_t gap_a = 0, gap_b = 0, gap_c = 0;  // beyond the smallest leading dimension
  bool rounded = false;                     // the product rounds its inputs to bf16
};

template <class T>
struct Operands {
  Case shape;
  int64_t lda, ldb, ldc;
  std::vector<T> a, b, c, bias;

  explicit Operands(const Case& x) : shape(x) {
    lda = (x.transpose_a ? x.m : x.k) + x.gap_a, ldb = (x.transpose_b ? x.k : x.n) + x.gap_b, ldc = x.n + x.gap_c;
    tensor::Generator random(7, "gemm test");
    for (auto [values, count] : {std::pair{&a, (x.transpose_a ? x.k : x.m) * lda}, {&b, (x.transpose_b ? x.n : x.k) * ldb},
                                 {&c, x.m * ldc}, {&bias, x.n}}) {
      values->resize(count + 1);  // one more, so that the data can start unaligned
      for (T& value : *values) value = static_cast<T>(2 * random.uniform() - 1);
    }
  }
  tensor::Epilogue<T> epilogue() const { return {shape.bias ? bias.data() + 1 : nullptr, shape.accumulate, shape.relu}; }

  double expected(int64_t i, int64_t j) const {
    double sum = shape.bias ? bias[1 + j] : 0;
    for (int64_t p = 0; p < shape.k; ++p) {
      const T x = a[1 + (shape.transpose_a ? p * lda + i : i * lda + p)];
      const T y = b[1 + (shape.transpose_b ? j * ldb + p : p * ldb + j)];
      sum += used(x) * used(y);
    }
    if (shape.accumulate) sum += c[1 + i * ldc + j];
    return shape.relu ? std::max(sum, 0.0) : sum;
  }

  double used(T x) const { return shape.rounded ? tensor::round_bf16(static_cast<float>(x)) : double{x}; }

  template <class F>
  std::vector<T> run(F&& product) const {
    std::vector<T> out = c;
    const Case& x = shape;
    product(x.transpose_a, x.transpose_b, x.m, x.n, x.k, a.data() + 1, lda, b.data() + 1, ldb, out.data() + 1, ldc,
            epilogue(), shape.rounded ? tensor::Precision::bf16 : tensor::Precision::fp32);
    return out;
  }
};

// Every element (or, of large results, some) is right and nothing between the rows is touched.
template <class T>
void compare(const Operands<T>& x, const std::vector<T>& out, int64_t step = 1) {
  const double tolerance = (sizeof(T) == 4 ? 2e-6 : 1e-14) * (4 + std::sqrt(double(x.shape.k)));
  double worst = 0;
  bool untouched = out[0] == x.c[0];
  for (int64_t i = 0; i < x.shape.m; i += step) {
    for (int64_t j = 0; j < x.shape.n; j += step) {
      worst = tests::larger(worst, std::abs(out[1 + i * x.ldc + j] - x.expected(i, j)));
    }
    for (int64_t j = x.shape.n; j < x.ldc; ++j) untouched &= out[1 + i * x.ldc + j] == x.c[1 + i * x.ldc + j];
  }
  INFO("m " << x.shape.m << " n " << x.shape.n << " k " << x.shape.k << " transposed " << x.shape.transpose_a
            << x.shape.transpose_b << " bias " << x.shape.bias << " accumulate " << x.shape.accumulate << " relu "
            << x.shape.relu << " on " << tensor::name_of(tensor::isa()));
  CHECK(worst <= tolerance);
  CHECK(untouched);
}

inline std::vector<tensor::Isa> available() {
  std::vector<tensor::Isa> sets;
  for (tensor::Isa set : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512, tensor::Isa::amx}) {
    if (tensor::has_isa(set)) sets.push_back(set);
  }
  return sets;
}

struct IsaAndThreadsGuard {
  ~IsaAndThreadsGuard() { tensor::set_isa("auto"), tensor::set_threads(0); }
};

// Skips the running test where it is false.
inline bool amx_runs_here() {
  const std::string missing = AmxTrap::missing();
  if (!missing.empty()) skip(missing);
  return missing.empty();
}

// f with AMX in use, by the processor or by the trap. False where neither is possible.
template <class F>
bool on_amx(F&& f) {
  if (!AmxTrap::missing().empty()) return false;
  IsaAndThreadsGuard guard;
  const AmxTrap trap;
  tensor::assume_amx();
  INFO("on amx, trapped: " << trap.installed());
  f();
  CHECK(trap.fault() == "");
  CHECK(trap.configured_threads() == 0);
  return true;
}

// f on every set that products in bf16 differ by: those of the processor, tiles in plain C++, and AMX.
template <class F>
void on_every_bf16_set(F&& f) {
  IsaAndThreadsGuard guard;
  for (const tensor::Isa set : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512, tensor::Isa::tiles}) {
    if (!tensor::has_isa(set)) continue;
    tensor::set_isa(tensor::name_of(set));
    INFO("on " << tensor::name_of(set));
    f();
  }
  on_amx(f);
}

}  // namespace tests
