#include "tensor/bench_gemm.h"

#include <dlfcn.h>

#include <algorithm>

#include "tensor/bench.h"
#include "tensor/bench_samples.h"
#include "tensor/error.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace tensor {

namespace {

// cblas.h: row-major is 101, as it is 111, transposed 112.
using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float* a, int lda,
                       const float* b, int ldb, float beta, float* c, int ldc);

class OpenBlas {
 public:
  OpenBlas() : library_(dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL)) {
    require(Fault::resources, library_ != nullptr, "--against openblas: ", library_ ? "" : dlerror(),
            "; install OpenBLAS (Debian: libopenblas0), or leave the comparison out");
    sgemm_ = reinterpret_cast<Sgemm>(dlsym(library_, "cblas_sgemm"));
    const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library_, "openblas_set_num_threads"));
    require(Fault::resources, sgemm_ && set_threads,
            "--against openblas: libopenblas.so.0 has no cblas_sgemm; install a complete OpenBLAS (Debian: libopenblas0)");
    set_threads(threads());
  }
  void run(const GemmShape& x, const float* a, const float* b, float* c) const {
    const auto side = [](int64_t n) { return static_cast<int>(n); };
    sgemm_(101, x.transpose_a ? 112 : 111, x.transpose_b ? 112 : 111, side(x.m), side(x.n), side(x.k), 1, a, side(x.lda()), b,
           side(x.ldb()), 0, c, side(x.n));
  }

 private:
  void* library_;  // never closed: its threads live on
  Sgemm sgemm_ = nullptr;
};

}  // namespace

std::vector<GemmContestRow> bench_gemm_against_openblas(int repeats, int64_t shrink) {
  require(repeats > 0, "bench: needs at least one repeat, got ", repeats, "; use 1 or more");
  const OpenBlas other;
  const std::vector<GemmShape> shapes = gemm_shapes(shrink);
  int64_t largest = 0;
  for (const GemmShape& x : shapes) largest = std::max({largest, x.m * x.k, x.k * x.n, x.m * x.n});
  const std::vector<float> a = uniform_values(largest, "bench a"), b = uniform_values(largest, "bench b");
  std::vector<float> c(largest);
  const bool rounded = precision() == Precision::bf16;
  const Peaks peaks = measure_peaks();
  const double peak = rounded && tiles() ? peaks.tiles : peaks.operations;
  std::vector<GemmContestRow> rows;
  for (const GemmShape& x : shapes) {
    const auto ours = [&] {
      gemm(x.transpose_a, x.transpose_b, x.m, x.n, x.k, a.data(), x.lda(), b.data(), x.ldb(), c.data(), x.n, {},
           precision());
    };
    const auto theirs = [&] { other.run(x, a.data(), b.data(), c.data()); };
    ours();
    const float first = c[0], last = c[x.m * x.n - 1];
    theirs();
    check(std::abs(first - c[0]) + std::abs(last - c[x.m * x.n - 1]) < (rounded ? 0.5f : 1e-2f), x.name, ": the two libraries differ");
    std::vector<double> seconds, other_seconds, ratios;
    for (int i = 0; i < repeats; ++i) {
      seconds.push_back(seconds_of(ours));
      other_seconds.push_back(seconds_of(theirs));
      ratios.push_back(other_seconds.back() / seconds.back());
    }
    const double median = quantile(seconds, 0.5);
    rows.push_back({x.name, median, quantile(other_seconds, 0.5), x.work() / median / peak, quantile(ratios, 0.5),
                    quantile(ratios, 0.25), quantile(ratios, 0.75)});
  }
  return rows;
}

}  // namespace tensor
