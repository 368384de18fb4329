#include "nn/clip.h"

#include <cmath>

#include "nn/pieces.h"
#include "tensor/profile.h"

namespace nn {

namespace clip_kernels {

constexpr int kLanes = 8;  // independent sums: short chains of additions, in a fixed order

template <class T>
static double squares_of(const T* x, int64_t n) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(x[i + l]) * static_cast<double>(x[i + l]);
  for (; i < n; ++i) lanes[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

static void sum_of_squares_cpu(const Tensor& first, std::span<const Tensor> gradients, double& sum) {
  std::vector<int64_t> sizes;
  for (const Tensor& g : gradients) sizes.push_back(g.size());
  const std::vector<Piece> pieces = pieces_of(sizes);
  std::vector<double> parts(pieces.size());
  tensor::for_real(first.dtype(), "clip", [&](auto zero) {
    using T = decltype(zero);
    for_pieces(pieces, [&](size_t i, const Piece& p) {
      parts[i] = squares_of<T>(gradients[p.tensor].data<T>() + p.begin, p.end - p.begin);
    });
  });
  sum = 0;
  for (double part : parts) sum += part;
}

constinit decltype(sum_of_squares) sum_of_squares{"clip.sum_of_squares", sum_of_squares_cpu};

}  // namespace clip_kernels

Clip clip_scale(const Parameters& parameters, double max_norm) {
  tensor::require(max_norm >= 0, "clip: the largest norm is ", max_norm, "; give 0 (no clipping) or more");
  const tensor::Measured measured("clip");
  std::vector<Tensor> gradients;
  for (const Parameter& p : parameters) {
    if (!p.var.grad().defined()) continue;
    gradients.push_back(p.var.grad());
    tensor::count_work(0, static_cast<double>(gradients.back().bytes()));
  }
  double sum = 0;
  if (!gradients.empty()) clip_kernels::sum_of_squares(gradients[0], gradients, sum);
  const double norm = std::sqrt(sum);
  return {norm, max_norm > 0 && norm > max_norm ? max_norm / norm : 1};
}

}  // namespace nn
