// k-means, plain and hierarchical: planted clusters, monotone inertia, degenerate data, thread counts.
#include "quant/kmeans.h"

#include <cmath>
#include <map>
#include <set>

#include "quant/hierarchical_kmeans.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using quant::KMeans;
using quant::kmeans;
using quant::KMeansOptions;
using tensor::Tensor;
using Floats = std::vector<float>;

namespace {

// Row i lies around center i % count; the centers are 100 apart, the noise is 1.
Tensor planted(int64_t rows, int64_t count, int64_t width) {
  Tensor x({rows, width});
  const tensor::Random random(8, "kmeans-test");
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < width; ++j)
      x.data<float>()[i * width + j] = static_cast<float>(random.normal(i * width + j) + 100.0 * ((i % count) >> j & 1));
  return x;
}

std::set<Floats> distinct_rows(const Tensor& x) {
  std::set<Floats> rows;
  for (int64_t i = 0; i < x.rows(); ++i) rows.insert(x.row_range(i, i + 1).to_vector<float>());
  return rows;
}

void check_monotone(const KMeans& result) {
  REQUIRE(result.history.size() >= 2);
  CHECK(result.history.back() == result.inertia);
  for (size_t i = 1; i < result.history.size(); ++i) CHECK(result.history[i] <= result.history[i - 1] * (1 + 1e-6));
}

}  // namespace

TEST_CASE("k-means finds planted clusters", "[quant][kmeans]") {
  const Tensor x = planted(400, 8, 5);
  const KMeans result = kmeans(x, {.clusters = 8, .restarts = 3});
  check_monotone(result);
  std::map<int32_t, std::set<int64_t>> planted_in;
  for (int64_t i = 0; i < 400; ++i) planted_in[result.labels.data<int32_t>()[i]].insert(i % 8);
  CHECK(planted_in.size() == 8);
  for (const auto& [label, clusters] : planted_in) CHECK(clusters.size() == 1);
  CHECK(result.inertia == Approx(400 * 5).epsilon(0.1));
}

TEST_CASE("k-means: inertia never rises, labels and inertia belong to the centers, centers are means", "[quant][kmeans]") {
  Tensor x({500, 3});
  const tensor::Random random(9, "kmeans-test");
  for (int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = static_cast<float>(random.normal(i));
  int reports = 0;
  KMeansOptions options{.clusters = 40, .iterations = 300, .tolerance = 0};
  options.progress = [&](const quant::KMeansProgress& progress) { CHECK(progress.iteration == ++reports); };
  const KMeans result = kmeans(x, options);
  check_monotone(result);
  CHECK(reports == static_cast<int>(result.history.size()) - 1);
  CHECK(reports > 3);
  double inertia = 0;
  std::vector<double> sums(40 * 3), counts(40);
  for (int64_t i = 0; i < 500; ++i) {
    double best = 1e30;
    int32_t nearest = 0;
    for (int32_t c = 0; c < 40; ++c) {
      double d = 0;
      for (int j = 0; j < 3; ++j) d += std::pow(x.data<float>()[i * 3 + j] - result.centers.data<float>()[c * 3 + j], 2);
      if (d < best) best = d, nearest = c;
    }
    CHECK(result.labels.data<int32_t>()[i] == nearest);
    inertia += best, counts[nearest] += 1;
    for (int j = 0; j < 3; ++j) sums[nearest * 3 + j] += x.data<float>()[i * 3 + j];
  }
  CHECK(result.inertia == Approx(inertia).epsilon(1e-5));
  for (int c = 0; c < 40; ++c) {
    REQUIRE(counts[c] > 0);
    const float* center = result.centers.data<float>() + c * 3;
    for (int j = 0; j < 3; ++j) CHECK(center[j] == Approx(sums[c * 3 + j] / counts[c]).margin(1e-5));
  }
}

TEST_CASE("k-means: more restarts are never worse; seeds matter; threads do not", "[quant][kmeans]") {
  const Tensor x = planted(300, 13, 4);
  const KMeansOptions one{.clusters = 10, .seed = 5}, ten{.clusters = 10, .restarts = 10, .seed = 5};
  CHECK(kmeans(x, ten).inertia <= kmeans(x, one).inertia);
  CHECK(kmeans(x, one).centers.to_vector<float>() != kmeans(x, {.clusters = 10, .seed = 6}).centers.to_vector<float>());
  std::vector<Floats> centers;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    centers.push_back(kmeans(x, one).centers.to_vector<float>());
  }
  tensor::set_threads(0);
  CHECK(centers[0] == centers[1]);
  CHECK(centers[0] == centers[2]);
}

TEST_CASE("k-means on too few distinct points", "[quant][kmeans]") {
  const auto check = [](const Tensor& x, int64_t clusters) {
    const KMeans result = kmeans(x, {.clusters = clusters});
    CHECK(static_cast<int64_t>(distinct_rows(result.centers).size()) == clusters);
    CHECK(result.inertia <= 1e-9);
    for (const float value : result.centers.to_vector<float>()) CHECK(std::isfinite(value));
  };
  check(Tensor::full({1, 3}, 2.5), 1);                          // one point
  check(Tensor::full({1, 3}, 2.5), 4);                          // one point, four clusters
  check(Tensor::full({20, 2}, 7), 5);                           // all equal
  check(Tensor::zeros({20, 2}), 5);                             // all zero
  check(Tensor::from(Floats{0, 0, 1, 1, 0, 0, 5, 5}, {4, 2}), 6);  // fewer points than clusters
  check(Tensor::from(Floats{0, 0, 1, 1, 2, 9}, {3, 2}), 3);     // as many points as clusters
}

TEST_CASE("what k-means refuses", "[quant][kmeans]") {
  using Catch::Matchers::Contains;
  CHECK_THAT(tests::error_of([] { kmeans(Tensor({0, 3}), {.clusters = 2}); }),
             Contains("kmeans: x is [0,3]; it must be a matrix with at least one row and column"));
  CHECK_THAT(tests::error_of([] { kmeans(Tensor::zeros({4, 3}), {.clusters = 0}); }),
             Contains("kmeans: the number of clusters must be 1 or more, got 0"));
  CHECK_THAT(tests::error_of([] { kmeans(Tensor::zeros({4, 3}), {.clusters = 1, .restarts = 0}); }),
             Contains("kmeans: 100 iterations and 0 restarts; at least 0 and 1 are needed"));
  CHECK_THAT(tests::error_of([] { kmeans(Tensor::from(Floats{0, 1, 2, NAN}, {2, 2}), {.clusters = 1}); }),
             Contains("kmeans: row 1 holds a value that is not finite"));
  CHECK_THAT(tests::error_of([] { kmeans(Tensor({4, 3}, tensor::DType::f64), {.clusters = 1}); }),
             Contains("kmeans: needs f32, got f64"));
  CHECK_THAT(tests::error_of([] { quant::hierarchical_kmeans(Tensor::zeros({4, 3}), {.branches = {2, 0}, .kmeans = {}}); }),
             Contains("hierarchical_kmeans: a level has 0 branches; at least 1 is needed"));
  CHECK_THAT(tests::error_of([] { quant::hierarchical_kmeans(Tensor({0, 3}), {}); }),
             Contains("hierarchical_kmeans: x is [0,3]"));
}

TEST_CASE("hierarchical k-means: paths, singletons, threads", "[quant][kmeans]") {
  const Tensor x = planted(200, 8, 3);  // eight corners of a cube
  const quant::HierarchicalKMeansOptions options{.branches = {2, 4, 50}, .kmeans = {.restarts = 4}};
  std::vector<std::vector<int32_t>> codes;
  for (const int threads : {1, 7}) {
    tensor::set_threads(threads);
    codes.push_back(quant::hierarchical_kmeans(x, options).to_vector<int32_t>());
  }
  tensor::set_threads(0);
  CHECK(codes[0] == codes[1]);
  std::set<std::vector<int32_t>> pairs, paths;
  std::map<std::vector<int32_t>, std::set<int64_t>> corners;
  for (int64_t i = 0; i < 200; ++i) {
    const std::vector<int32_t> path(codes[0].begin() + i * 3, codes[0].begin() + i * 3 + 3);
    for (int level = 0; level < 3; ++level) CHECK((path[level] >= 0 && path[level] < options.branches[level]));
    corners[{path[0], path[1]}].insert(i % 8);
    paths.insert(path);
  }
  CHECK(corners.size() == 8);
  for (const auto& [path, corner] : corners) CHECK(corner.size() == 1);
  CHECK(paths.size() == 200);  // 25 rows a corner, 50 branches: every row has a leaf of its own
  const Tensor few = quant::hierarchical_kmeans(planted(3, 8, 3), {.branches = {5, 5}, .kmeans = {}});
  CHECK(few.to_vector<int32_t>() == std::vector<int32_t>{0, 0, 1, 0, 2, 0});
}
