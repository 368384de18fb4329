#include "quant/kmeans_steps.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace quant::kmeans_kernels {

using tensor::parallel_for;

static constexpr int64_t kGrain = 256;  // rows per piece of a parallel loop

// Partial sums, to be vectorised.
static double squared_distance(const float* x, const float* y, int64_t width) {
  constexpr int64_t kLanes = 16;
  float parts[kLanes] = {};
  int64_t j = 0;
  for (; j + kLanes <= width; j += kLanes)
    for (int64_t l = 0; l < kLanes; ++l) parts[l] += (x[j + l] - y[j + l]) * (x[j + l] - y[j + l]);
  double sum = 0;
  for (; j < width; ++j) sum += double{x[j] - y[j]} * (x[j] - y[j]);
  for (const float part : parts) sum += part;
  return sum;
}

// Draws an index with probability proportional to its weight.
static int64_t draw(const std::vector<double>& weights, double total, double uniform) {
  double rest = uniform * total;
  int64_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = static_cast<int64_t>(i);
    if ((rest -= weights[i]) < 0) break;
  }
  return last;
}

static void seed_cpu(const Tensor& x, const Tensor& uniforms, Tensor& centers, Tensor& chosen) {
  const int64_t n = x.rows(), width = x.columns();
  const float* px = x.data<float>();
  std::vector<double> distances(n, 1);  // to the nearest center so far; the first draw is uniform
  int32_t& count = *chosen.data<int32_t>();
  for (count = 0; count < centers.rows(); ++count) {
    double total = 0;
    for (const double d : distances) total += d;
    if (total <= 0) return;
    float* center = centers.data<float>() + count * width;
    std::copy_n(px + draw(distances, total, uniforms.data<double>()[count]) * width, width, center);
    parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double d = squared_distance(px + i * width, center, width);
        if (count == 0 || d < distances[i]) distances[i] = d;
      }
    });
  }
}

static void measure_cpu(const Tensor& x, const Tensor& centers, const Tensor& labels, Tensor& distances, Tensor& summary) {
  const int64_t width = x.columns();
  const int32_t* label = labels.data<int32_t>();
  double* d = distances.data<double>();
  summary.data<double>()[0] = tensor::parallel_sum<double>(x.rows(), kGrain, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) {
      sum += d[i] = squared_distance(x.data<float>() + i * width, centers.data<float>() + label[i] * width, width);
    }
    return sum;
  });
  std::vector<bool> named(centers.rows());
  for (const int32_t each : labels.span<int32_t>()) named[each] = true;
  summary.data<double>()[1] = static_cast<double>(std::count(named.begin(), named.end(), false));
}

static void fill_empty_cpu(Tensor& distances, Tensor& labels, int64_t clusters) {
  std::vector<int64_t> sizes(clusters);
  const auto distance = distances.span<double>();
  int32_t* label = labels.data<int32_t>();
  for (int64_t i = 0; i < labels.size(); ++i) ++sizes[label[i]];
  for (int64_t c = 0; c < clusters; ++c) {
    if (sizes[c] > 0) continue;
    const int64_t farthest = std::max_element(distance.begin(), distance.end()) - distance.begin();
    if (distance[farthest] <= 0) return;
    --sizes[label[farthest]], ++sizes[c];
    label[farthest] = static_cast<int32_t>(c);
    distance[farthest] = 0;
  }
}

struct Clusters {
  std::vector<int64_t> offsets;  // of each cluster in `members`
  std::vector<int32_t> members;  // rows, ascending in each cluster
};

static Clusters group(const Tensor& labels, int64_t clusters) {
  Clusters g{std::vector<int64_t>(clusters + 1), std::vector<int32_t>(labels.size())};
  for (const int32_t label : labels.span<int32_t>()) ++g.offsets[label + 1];
  for (int64_t c = 0; c < clusters; ++c) g.offsets[c + 1] += g.offsets[c];
  std::vector<int64_t> next(g.offsets.begin(), g.offsets.end() - 1);
  for (int64_t i = 0; i < labels.size(); ++i) g.members[next[labels.data<int32_t>()[i]]++] = static_cast<int32_t>(i);
  return g;
}

// Summed in fp32 by blocks, in double over them.
static void move_cpu(const Tensor& x, const Tensor& labels, Tensor& centers) {
  constexpr int64_t kBlock = 64;
  const int64_t width = x.columns();
  const Clusters g = group(labels, centers.rows());
  parallel_for(centers.rows(), 1, [&](int64_t begin, int64_t end) {
    std::vector<double> mean(width);
    std::vector<float> block(width);
    for (int64_t c = begin; c < end; ++c) {
      const int64_t first = g.offsets[c], last = g.offsets[c + 1];
      if (first == last) continue;
      std::fill(mean.begin(), mean.end(), 0.0);
      for (int64_t m = first; m < last; m += kBlock) {
        tensor::simd<float>().gather_sum(g.members.data() + m, nullptr, std::min(kBlock, last - m), x.data<float>(), width,
                                         block.data());
        for (int64_t j = 0; j < width; ++j) mean[j] += block[j];
      }
      float* center = centers.data<float>() + c * width;
      for (int64_t j = 0; j < width; ++j) center[j] = static_cast<float>(mean[j] / static_cast<double>(last - first));
    }
  });
}

constinit decltype(seed) seed{"kmeans.seed", seed_cpu};
constinit decltype(measure) measure{"kmeans.measure", measure_cpu};
constinit decltype(fill_empty) fill_empty{"kmeans.fill_empty", fill_empty_cpu};
constinit decltype(move) move{"kmeans.move", move_cpu};

}  // namespace quant::kmeans_kernels
