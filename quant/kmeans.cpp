#include "quant/kmeans.h"

#include <algorithm>
#include <cmath>

#include "quant/balanced.h"
#include "quant/nearest.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/simd/simd.h"

namespace quant {

using tensor::parallel_for;

namespace {

constexpr double kJitter = 1e-3;  // noise of a surplus center, relative to the root mean square of the data
constexpr int64_t kGrain = 256;   // rows per piece of a parallel loop

// Without the cancellation of |x|^2 + |y|^2 - 2 x.y: equal rows are at distance 0. Partial sums, to be vectorised.
double squared_distance(const float* x, const float* y, int64_t width) {
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
int64_t draw(const std::vector<double>& weights, double total, double uniform) {
  double rest = uniform * total;
  int64_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = static_cast<int64_t>(i);
    if ((rest -= weights[i]) < 0) break;
  }
  return last;
}

// k-means++: each center is a point drawn with probability proportional to its squared distance to the centers before it.
Tensor seed_centers(const Tensor& x, int64_t clusters, tensor::Generator rng) {
  const int64_t n = x.rows(), width = x.columns();
  const float* px = x.data<float>();
  Tensor centers({clusters, width});
  std::vector<double> distances(n, 1);  // to the nearest center so far; the first draw is uniform
  for (int64_t c = 0; c < clusters; ++c) {
    float* center = centers.data<float>() + c * width;
    double total = 0;
    for (const double d : distances) total += d;
    const bool surplus = total <= 0;  // every point is a center already
    const int64_t point = surplus ? static_cast<int64_t>(rng.below(n)) : draw(distances, total, rng.uniform());
    std::copy_n(px + point * width, width, center);
    if (surplus) {
      const double square = tensor::parallel_sum<double>(n, kGrain, [&](int64_t begin, int64_t end) {
        double sum = 0;
        for (int64_t i = begin * width; i < end * width; ++i) sum += double{px[i]} * px[i];
        return sum;
      });
      const double scale = square > 0 ? kJitter * std::sqrt(square / static_cast<double>(n * width)) : kJitter;
      for (int64_t j = 0; j < width; ++j) center[j] += static_cast<float>(scale * rng.normal());
      continue;
    }
    parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double d = squared_distance(px + i * width, center, width);
        if (c == 0 || d < distances[i]) distances[i] = d;
      }
    });
  }
  return centers;
}

struct Clusters {
  std::vector<int64_t> offsets;  // of each cluster in `members`
  std::vector<int32_t> members;  // rows, ascending in each cluster
};

Clusters group(const Tensor& labels, int64_t clusters) {
  Clusters g{std::vector<int64_t>(clusters + 1), std::vector<int32_t>(labels.size())};
  for (const int32_t label : labels.span<int32_t>()) ++g.offsets[label + 1];
  for (int64_t c = 0; c < clusters; ++c) g.offsets[c + 1] += g.offsets[c];
  std::vector<int64_t> next(g.offsets.begin(), g.offsets.end() - 1);
  for (int64_t i = 0; i < labels.size(); ++i) g.members[next[labels.data<int32_t>()[i]]++] = static_cast<int32_t>(i);
  return g;
}

// Gives every empty cluster the point that is farthest from its own center, as long as such a point is not on its center.
void fill_empty_clusters(Tensor& labels, std::vector<double>& distances, int64_t clusters) {
  std::vector<int64_t> sizes(clusters);
  int32_t* label = labels.data<int32_t>();
  for (int64_t i = 0; i < labels.size(); ++i) ++sizes[label[i]];
  for (int64_t c = 0; c < clusters; ++c) {
    if (sizes[c] > 0) continue;
    const int64_t farthest = std::max_element(distances.begin(), distances.end()) - distances.begin();
    if (distances[farthest] <= 0) return;
    --sizes[label[farthest]], ++sizes[c];
    label[farthest] = static_cast<int32_t>(c);
    distances[farthest] = 0;
  }
}

// Centers become the means of their members; a center without members stays. Summed in fp32 by blocks, in double over them.
void move_to_means(const Tensor& x, const Tensor& labels, Tensor& centers) {
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

// Labels, of the nearest centers unless balanced, the exact distances to them, and their sum.
double assign(const Tensor& x, const Tensor& centers, bool balanced, Tensor& labels, std::vector<double>& distances) {
  labels = balanced ? balanced_assignment(squared_distances(x, centers)) : nearest(x, centers).index;
  const int64_t width = x.columns();
  return tensor::parallel_sum<double>(x.rows(), kGrain, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) {
      const float* center = centers.data<float>() + labels.data<int32_t>()[i] * width;
      sum += distances[i] = squared_distance(x.data<float>() + i * width, center, width);
    }
    return sum;
  });
}

KMeans lloyd(const Tensor& x, const KMeansOptions& options, int restart) {
  KMeans result;
  result.centers = seed_centers(x, options.clusters, tensor::Generator(options.seed, "kmeans", options.step + restart));
  std::vector<double> distances(x.rows());
  result.inertia = assign(x, result.centers, options.balanced, result.labels, distances);
  result.history.push_back(result.inertia);
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    const double before = result.inertia;
    fill_empty_clusters(result.labels, distances, options.clusters);
    move_to_means(x, result.labels, result.centers);
    result.inertia = assign(x, result.centers, options.balanced, result.labels, distances);
    result.history.push_back(result.inertia);
    if (options.progress) {
      options.progress({restart, options.restarts, iteration + 1, options.iterations, result.inertia});
    }
    if (before - result.inertia <= options.tolerance * before) break;
  }
  return result;
}

}  // namespace

KMeans kmeans(const Tensor& x, const KMeansOptions& options) {
  using tensor::require;
  require(x.shape().rank() == 2 && x.rows() > 0 && x.columns() > 0, "kmeans: x is ", x.shape(),
          "; it must be a matrix with at least one row and column");
  require(x.dtype() == tensor::DType::f32, "kmeans: needs f32, got ", x.dtype());
  require(options.clusters > 0, "kmeans: the number of clusters must be 1 or more, got ", options.clusters);
  require(options.iterations >= 0 && options.restarts > 0, "kmeans: ", options.iterations, " iterations and ",
          options.restarts, " restarts; at least 0 and 1 are needed");
  const Tensor host = x.to(tensor::Device::cpu);
  const auto values = host.span<float>();
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  require(tensor::Fault::bad_data, bad == values.end(), "kmeans: row ", (bad - values.begin()) / x.columns(),
          " holds a value that is not finite; remove the row or repair its features");
  KMeans best;
  for (int restart = 0; restart < options.restarts; ++restart) {
    KMeans run = lloyd(host, options, restart);
    if (restart == 0 || run.inertia < best.inertia) best = std::move(run);
  }
  return best;
}

}  // namespace quant
