// k-means, Sinkhorn and the revival of codes on the emulated device against the CPU.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "quant/code_revival.h"
#include "quant/hierarchical_kmeans.h"
#include "quant/kmeans_steps.h"
#include "quant/nearest.h"
#include "quant/sinkhorn.h"
#include "tensor/cuda/device.h"
#include "tensor/random.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using quant::KMeans;
using tensor::Device;
using tensor::Tensor;
using Doubles = std::vector<double>;
using tests::have_device;

namespace {

// Row i lies around corner i % count of a cube of edge 100, with noise of deviation 1.
Tensor planted(int64_t rows, int64_t count, int64_t width) {
  Tensor x({rows, width});
  const tensor::Random random(8, "device-test");
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t corner = i / width % count, axis = i % width;
    x.data<float>()[i] = static_cast<float>(random.normal(i) + (axis < 8 && (corner >> axis & 1) ? 100.0 : 0.0));
  }
  return x;
}

void check_same(const Tensor& x, const quant::KMeansOptions& options) {
  const KMeans host = quant::kmeans(x, options), found = quant::kmeans(x.to(Device::cuda), options);
  CHECK(found.centers.device() == Device::cuda);
  CHECK(found.labels.to_vector<int32_t>() == host.labels.to_vector<int32_t>());
  const auto want = host.centers.to_vector<float>(), got = found.centers.to_vector<float>();
  for (size_t i = 0; i < want.size(); ++i) REQUIRE(got[i] == Approx(want[i]).epsilon(1e-5).margin(1e-4));
  REQUIRE(found.history.size() == host.history.size());
  for (size_t i = 0; i < host.history.size(); ++i) CHECK(found.history[i] == Approx(host.history[i]).epsilon(1e-5).margin(1e-9));
  CHECK(quant::kmeans(x.to(Device::cuda), options).centers.to_vector<float>() == got);
}

}  // namespace

TEST_CASE("the nearest code on the device: the CPU's, the lowest of equal ones, 0 away from itself", "[quant][nearest][cuda]") {
  if (!have_device()) return;
  for (const auto& [rows, count, width] : {std::array<int64_t, 3>{70, 45, 33}, {32, 128, 32}, {33, 300, 70}, {1, 1, 1}}) {
    CAPTURE(rows, count, width);
    Tensor x = planted(rows, 1, width);
    for (float& value : x.span<float>()) value = value * value - 1;
    const Tensor codes = planted(count, 1, width);
    const quant::Nearest want = quant::nearest(x, codes), got = quant::nearest(x.to(Device::cuda), codes.to(Device::cuda));
    CHECK(got.index.to_vector<int32_t>() == want.index.to_vector<int32_t>());
    const auto distances = want.distance.to_vector<float>(), found = got.distance.to_vector<float>();
    for (int64_t i = 0; i < rows; ++i) CHECK(found[i] == Approx(distances[i]).epsilon(1e-5).margin(1e-5));
  }
  const Tensor codes = planted(150, 150, 40);  // each code twice, 150 apart
  Tensor twice({300, 40});
  twice.row_range(0, 150).copy_from(codes), twice.row_range(150, 300).copy_from(codes);
  const quant::Nearest itself = quant::nearest(codes.to(Device::cuda), twice.to(Device::cuda));
  std::vector<int32_t> first(150);
  std::iota(first.begin(), first.end(), 0);
  CHECK(itself.index.to_vector<int32_t>() == first);
  CHECK(itself.distance.to_vector<float>() == std::vector<float>(150, 0));
  for (const float bad : {NAN, INFINITY}) {
    const Tensor x = Tensor::full({1, 3}, bad), zeros = Tensor::zeros({2, 3});
    const quant::Nearest want = quant::nearest(x, zeros), got = quant::nearest(x.to(Device::cuda), zeros.to(Device::cuda));
    CHECK(got.index.to_vector<int32_t>() == want.index.to_vector<int32_t>());
    CHECK(got.distance.to_vector<float>() == want.distance.to_vector<float>());
  }
}

TEST_CASE("k-means on the device finds the CPU's clusters", "[quant][kmeans][cuda]") {
  if (!have_device()) return;
  check_same(planted(300, 8, 13), {.clusters = 8, .restarts = 2});
  check_same(planted(65, 4, 300), {.clusters = 4, .seed = 5});  // more columns than a block has
  check_same(planted(90, 5, 6), {.clusters = 7, .iterations = 4, .balanced = true});
  check_same(planted(1, 1, 3), {.clusters = 1});
}

TEST_CASE("k-means on the device: empty clusters, points that are all centers, and bad rows", "[quant][kmeans][cuda]") {
  if (!have_device()) return;
  Tensor far = planted(200, 2, 4);
  far.data<float>()[4 * 17] = 3e4f;  // drawn early, and then the only member of its cluster
  check_same(far, {.clusters = 9, .iterations = 6, .seed = 3});
  Tensor few({40, 3});
  for (int64_t i = 0; i < few.size(); ++i) few.data<float>()[i] = static_cast<float>(i / 3 % 4);
  const KMeans found = quant::kmeans(few.to(Device::cuda), {.clusters = 6});
  CHECK(found.inertia == 0);
  CHECK(found.centers.to_vector<float>() == quant::kmeans(few, {.clusters = 6}).centers.to_vector<float>());
  few.data<float>()[3 * 11] = NAN;
  CHECK_THAT(tests::error_of([&] { quant::kmeans(few.to(Device::cuda), {.clusters = 2}); }),
             tests::Contains("kmeans: row 11 holds a value that is not finite"));
}

TEST_CASE("k-means on the device measures distances and counts empty clusters", "[quant][kmeans][cuda]") {
  if (!have_device()) return;
  const Tensor x = Tensor::from(std::vector<float>{0, 0, 3, 4, 1, 0}, {3, 2}), centers = Tensor::zeros({5, 2});
  const Tensor labels = Tensor::from(std::vector<int32_t>{3, 3, 1});
  for (const Device device : {Device::cpu, Device::cuda}) {
    Tensor distances({3}, tensor::DType::f64, device), summary({2}, tensor::DType::f64, device);
    quant::kmeans_kernels::measure(x.to(device), centers.to(device), labels, distances, summary);
    CHECK(distances.to_vector<double>() == Doubles{0, 25, 1});
    CHECK(summary.to_vector<double>() == Doubles{26, 3});
  }
}

TEST_CASE("empty clusters get the farthest rows on either device, the first of equals", "[quant][kmeans][cuda]") {
  if (!have_device()) return;
  constexpr int64_t kRows = 3000, kClusters = 40;
  const tensor::Random random(9, "device-test");
  std::vector<int32_t> labels(kRows);
  Doubles distances(kRows);
  for (int64_t i = 0; i < kRows; ++i) {
    labels[i] = static_cast<int32_t>(2 * random.below(i, kClusters / 2));  // every second cluster is empty
    distances[i] = static_cast<double>(random.below(kRows + i, 500));     // many are equal
  }
  const auto filled = [&](Device device, const Doubles& before) {
    Tensor d = Tensor::from(before).to(device), l = Tensor::from(labels).to(device);
    quant::kmeans_kernels::fill_empty(d, l, kClusters);
    return std::pair(d.to_vector<double>(), l.to_vector<int32_t>());
  };
  const auto [left, given] = filled(Device::cpu, distances);
  CHECK(filled(Device::cuda, distances) == std::pair(left, given));
  const auto first = std::max_element(distances.begin(), distances.end()) - distances.begin();
  CHECK(given[first] == 1);
  CHECK(left[first] == 0);
  CHECK(std::count(given.begin(), given.end(), 39) == 1);
  Doubles few(kRows, 0);  // only two rows are not on their centers
  few[1234] = 2, few[77] = 1;
  const auto [none, moved] = filled(Device::cuda, few);
  CHECK(none == Doubles(kRows, 0));
  CHECK(std::pair(moved[1234], moved[77]) == std::pair(1, 3));
  CHECK(std::count(moved.begin(), moved.end(), 5) == 0);
}

TEST_CASE("hierarchical k-means takes data on the device", "[quant][kmeans][cuda]") {
  if (!have_device()) return;
  const Tensor x = planted(200, 8, 5);
  const quant::HierarchicalKMeansOptions options{.branches = {2, 4, 50}, .kmeans = {.restarts = 2}};
  CHECK(quant::hierarchical_kmeans(x.to(Device::cuda), options).to_vector<int32_t>() ==
        quant::hierarchical_kmeans(x, options).to_vector<int32_t>());
}

TEST_CASE("Sinkhorn on the device gives the CPU's plan and codes", "[quant][sinkhorn][cuda]") {
  if (!have_device()) return;
  for (const auto& [rows, codes] : {std::pair<int64_t, int64_t>{70, 45}, {301, 33}, {1, 3}, {5, 1}}) {
    Tensor d({rows, codes});
    const tensor::Random random(4, "device-test");
    for (int64_t i = 0; i < d.size(); ++i) d.data<float>()[i] = static_cast<float>(random.uniform(i) + (i % codes == 0 ? 0 : 1));
    for (const double epsilon : {0.5, 0.003}) {
      CAPTURE(rows, codes, epsilon);
      const quant::SinkhornOptions options{.epsilon = epsilon, .iterations = 7};
      const Doubles want = quant::sinkhorn_plan(d, options).to_vector<double>();
      const Doubles got = quant::sinkhorn_plan(d.to(Device::cuda), options).to_vector<double>();
      for (size_t i = 0; i < want.size(); ++i) REQUIRE(got[i] == Approx(want[i]).epsilon(1e-9).margin(1e-12));
      const Tensor index = quant::sinkhorn_assign(d.to(Device::cuda), options);
      CHECK(index.device() == Device::cuda);
      const auto chosen = index.to_vector<int32_t>();
      for (int64_t i = 0; i < rows; ++i) {  // codes that have one row only tie but for rounding
        const double* row = want.data() + i * codes;
        CHECK(row[chosen[i]] >= *std::max_element(row, row + codes) * (1 - 1e-9));
      }
      CHECK(quant::sinkhorn_plan(d.to(Device::cuda), options).to_vector<double>() == got);
    }
  }
  CHECK(quant::sinkhorn_assign(Tensor::full({2, 3}, NAN).to(Device::cuda)).to_vector<int32_t>() == std::vector<int32_t>{0, 0});
  const Tensor tied = Tensor::from(std::vector<float>{9, 1, 1, 2}, {1, 4});
  CHECK(quant::sinkhorn_assign(tied.to(Device::cuda), {.iterations = 0}).to_vector<int32_t>() == std::vector<int32_t>{1});
  CHECK(quant::sinkhorn_assign(Tensor({0, 4}).to(Device::cuda)).size() == 0);
}

TEST_CASE("dead codes on the device move where the CPU moves them", "[quant][codes][cuda]") {
  if (!have_device()) return;
  struct Revived {
    std::vector<float> codebooks;
    std::vector<int32_t> idle;
    int64_t moved = 0, waits = 0;
  };
  const auto run = [](Device device) {
    tensor::set_default_device(device);
    nn::Parameters parameters(1);
    quant::ResidualQuantizer quantizer(parameters, "rq", {.levels = 3, .codes = 40, .width = 5});
    quant::CodeRevival revival(quantizer, {.patience = 2});
    Revived result;
    for (uint64_t step = 0; step < 5; ++step) {
      const Tensor z = planted(step == 3 ? 7 : 90, 6, 5).to(device);  // once fewer rows than dead codes
      const quant::Quantized batch = quantizer.forward(z);
      const int64_t before = tensor::cuda::synchronizations();
      revival.update(quantizer, batch, tensor::Random(5, "code-revival", step));
      result.waits += tensor::cuda::synchronizations() - before;
    }
    for (const auto& codebook : quantizer.codebooks()) {
      for (const float x : codebook.value().to_vector<float>()) result.codebooks.push_back(x);
    }
    result.idle = revival.idle().to_vector<int32_t>(), result.moved = revival.moved();
    tensor::set_default_device(Device::cpu);
    return result;
  };
  const Revived host = run(Device::cpu), there = run(Device::cuda);
  CHECK(host.moved > 100);
  CHECK(there.moved == host.moved);
  CHECK(there.idle == host.idle);
  CHECK(there.waits == 0);
  for (size_t i = 0; i < host.codebooks.size(); ++i) {
    REQUIRE(there.codebooks[i] == Approx(host.codebooks[i]).epsilon(1e-5).margin(1e-4));
  }
}

TEST_CASE("code revival on the device says how many levels there can be", "[quant][codes][cuda]") {
  if (!have_device()) return;
  tensor::set_default_device(Device::cuda);
  nn::Parameters parameters(1);
  quant::ResidualQuantizer quantizer(parameters, "rq", {.levels = 17, .codes = 2, .width = 3});
  tensor::set_default_device(Device::cpu);
  quant::CodeRevival revival(quantizer, {.patience = 2});
  const quant::Quantized batch = quantizer.forward(planted(4, 2, 3).to(Device::cuda));
  CHECK_THAT(tests::error_of([&] { revival.update(quantizer, batch, tensor::Random(5, "code-revival")); }),
             tests::Contains("code revival: 17 levels, on a GPU there can be 16; use --device cpu"));
}
