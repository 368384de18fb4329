// What the benchmarks of this layer share: the clock, quantiles, operands, the shapes of products.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tensor {

double seconds_of(const std::function<void()>& f);
double quantile(std::vector<double> values, double q);  // q from 0 to 1; of at least one value
std::vector<float> uniform_values(int64_t count, const char* stream);  // in [-0.5, 0.5)

struct GemmShape {
  std::string name;
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  int64_t lda() const { return transpose_a ? m : k; }
  int64_t ldb() const { return transpose_b ? k : n; }
  double work() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};
// The products of the recommenders: projections, feed-forward layers, quantiser layers, their gradients. `shrink` divides the
// sides from 1024 on.
std::vector<GemmShape> gemm_shapes(int64_t shrink);

}  // namespace tensor
