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

static void measure_cpu(const Tensor& first, std::span<const Tensor> gradients, double max_norm, Clip& clip) {
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
  double sum = 0;
  for (double part : parts) sum += part;
  const double norm = std::sqrt(sum);
  *clip.norm.data<double>() = norm;
  *clip.scale.data<double>() = max_norm > 0 && norm > max_norm ? max_norm / norm : 1;
}

constinit decltype(measure) measure{"clip.measure", measure_cpu};

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
  const tensor::Device device = gradients.empty() ? tensor::default_device() : gradients[0].device();
  if (gradients.empty()) return {Tensor::scalar(0, DType::f64, device), Tensor::scalar(1, DType::f64, device)};
  Clip clip{Tensor({}, DType::f64, device), Tensor({}, DType::f64, device)};
  clip_kernels::measure(gradients[0], gradients, max_norm, clip);
  return clip;
}

}  // namespace nn
