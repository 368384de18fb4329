#include "quant/kmeans.h"

#include <algorithm>
#include <cmath>

#include "quant/balanced.h"
#include "quant/kmeans_steps.h"
#include "quant/nearest.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/reduce.h"

namespace quant {

using tensor::DType;

namespace {

constexpr double kJitter = 1e-3;  // noise of a surplus center, relative to the root mean square of the data

// The centers that are left when every point is a center already: points with a little noise. Few, so on the host.
void add_surplus_centers(const Tensor& x, int64_t first, tensor::Generator& rng, Tensor& centers) {
  const int64_t n = x.rows(), width = x.columns();
  const Tensor host = x.to(tensor::Device::cpu);
  const float* px = host.data<float>();
  const double square = tensor::parallel_sum<double>(n, 256, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin * width; i < end * width; ++i) sum += double{px[i]} * px[i];
    return sum;
  });
  const double scale = square > 0 ? kJitter * std::sqrt(square / static_cast<double>(n * width)) : kJitter;
  Tensor more({centers.rows() - first, width});
  for (int64_t c = 0; c < more.rows(); ++c) {
    float* center = more.data<float>() + c * width;
    std::copy_n(px + static_cast<int64_t>(rng.below(n)) * width, width, center);
    for (int64_t j = 0; j < width; ++j) center[j] += static_cast<float>(scale * rng.normal());
  }
  centers.row_range(first, centers.rows()).copy_from(more);
}

Tensor seed_centers(const Tensor& x, int64_t clusters, const tensor::Generator& random) {
  Tensor uniforms({clusters}, DType::f64), centers({clusters, x.columns()}, DType::f32, x.device());
  Tensor chosen({1}, DType::i32, x.device());
  tensor::Generator rng = random;
  for (double& uniform : uniforms.span<double>()) uniform = rng.uniform();
  kmeans_kernels::seed(x, uniforms, centers, chosen);
  const auto drawn = static_cast<int64_t>(chosen.item());
  if (drawn == clusters) return centers;
  rng = random;
  for (int64_t c = 0; c < drawn; ++c) rng.uniform();
  add_surplus_centers(x, drawn, rng, centers);
  return centers;
}

struct Assignment {
  Tensor labels;     // i32 [n], where x lives
  Tensor distances;  // f64 [n], where x lives
  double inertia = 0;
  int64_t empty = 0;  // clusters without members
};

Assignment assign(const Tensor& x, const Tensor& centers, bool balanced) {
  const tensor::Device device = x.device();
  Assignment result;
  if (balanced) result.labels = balanced_assignment(squared_distances(x, centers).to(tensor::Device::cpu)).to(device);
  else result.labels = nearest(x, centers).index;
  result.distances = Tensor({x.rows()}, DType::f64, device);
  Tensor summary({2}, DType::f64, device);
  kmeans_kernels::measure(x, centers, result.labels, result.distances, summary);
  const std::vector<double> found = summary.to_vector<double>();
  result.inertia = found[0], result.empty = static_cast<int64_t>(found[1]);
  return result;
}

KMeans lloyd(const Tensor& x, const KMeansOptions& options, int restart) {
  KMeans result;
  result.centers = seed_centers(x, options.clusters, tensor::Generator(options.seed, "kmeans", options.step + restart));
  Assignment now = assign(x, result.centers, options.balanced);
  result.history.push_back(now.inertia);
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    const double before = now.inertia;
    if (now.empty > 0) kmeans_kernels::fill_empty(now.distances, now.labels, options.clusters);
    kmeans_kernels::move(x, now.labels, result.centers);
    now = assign(x, result.centers, options.balanced);
    result.history.push_back(now.inertia);
    if (options.progress) {
      options.progress({restart, options.restarts, iteration + 1, options.iterations, now.inertia});
    }
    if (before - now.inertia <= options.tolerance * before) break;
  }
  result.labels = now.labels.to(tensor::Device::cpu), result.inertia = now.inertia;
  return result;
}

// The first row with a value that is not finite is an Error. A GPU is asked for the sum: few sums of finite values are not.
void require_finite(const Tensor& x) {
  if (x.device() != tensor::Device::cpu) {
    Tensor sums({x.columns()}, DType::f32, x.device());
    tensor::column_sums(x, sums);
    const auto values = sums.to_vector<float>();
    if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
  }
  const Tensor host = x.to(tensor::Device::cpu);
  const auto values = host.span<float>();
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  tensor::require(tensor::Fault::bad_data, bad == values.end(), "kmeans: row ", (bad - values.begin()) / x.columns(),
                  " holds a value that is not finite; remove the row or repair its features");
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
  require_finite(x);
  KMeans best;
  for (int restart = 0; restart < options.restarts; ++restart) {
    KMeans run = lloyd(x, options, restart);
    if (restart == 0 || run.inertia < best.inertia) best = std::move(run);
  }
  return best;
}

}  // namespace quant
