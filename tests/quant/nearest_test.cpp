// Nearest codes against plain loops, ties, clamping, thread counts.
#include "quant/nearest.h"

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using quant::nearest;
using quant::squared_distances;
using tensor::Tensor;
using Integers = std::vector<int32_t>;
using Floats = std::vector<float>;

namespace {
template <class T>
Tensor random_matrix(int64_t rows, int64_t columns, uint64_t step) {
  Tensor x({rows, columns}, tensor::dtype_of<T>);
  const tensor::Random random(6, "nearest-test", step);
  for (int64_t i = 0; i < x.size(); ++i) x.data<T>()[i] = static_cast<T>(random.normal(i));
  return x;
}
}  // namespace

TEMPLATE_TEST_CASE("distances and nearest codes equal plain loops", "[quant][nearest]", float, double) {
  const std::array<int, 3> sizes[] = {{1, 1, 1}, {7, 5, 4}, {600, 130, 3}, {33, 9, 70}};
  for (const auto& [n, count, width] : sizes) {
    const Tensor x = random_matrix<TestType>(n, width, 0), codes = random_matrix<TestType>(count, width, 1);
    const Tensor d = squared_distances(x, codes);
    const quant::Nearest found = nearest(x, codes);
    for (int i = 0; i < n; ++i) {
      double best = 1e30;
      for (int k = 0; k < count; ++k) {
        double sum = 0;
        for (int j = 0; j < width; ++j) {
          const double difference = double{x.data<TestType>()[i * width + j]} - codes.data<TestType>()[k * width + j];
          sum += difference * difference;
        }
        best = std::min(best, sum);
        REQUIRE(d.data<TestType>()[i * count + k] == Approx(sum).epsilon(1e-4).margin(1e-4));
      }
      const int32_t index = found.index.data<int32_t>()[i];
      REQUIRE(found.distance.data<TestType>()[i] == Approx(best).epsilon(1e-4).margin(1e-4));
      REQUIRE(d.data<TestType>()[i * count + index] == found.distance.data<TestType>()[i]);
    }
  }
}

TEST_CASE("ties go to the lowest index and distances are never negative", "[quant][nearest]") {
  const Tensor codes = Tensor::from(Floats{3, 1, 1, 1, 1, 1}, {3, 2});
  CHECK(nearest(Tensor::from(Floats{1, 1, 2, 1, 9, 1}, {3, 2}), codes).index.to_vector<int32_t>() == Integers{1, 0, 0});
  // |x|^2 of 3e4^2 rounds by more than the true distance 0: the clamp is what keeps it from going below.
  const Tensor x = random_matrix<float>(64, 48, 2);
  for (float& value : Tensor(x).span<float>()) value = value * 0.01f + 3e4f;
  for (const float d : squared_distances(x, x).to_vector<float>()) REQUIRE(d >= 0);
}

TEST_CASE("nearest gives the same bits for any number of threads", "[quant][nearest]") {
  const Tensor x = random_matrix<float>(3001, 20, 3), codes = random_matrix<float>(65, 20, 4);
  std::vector<Floats> distances;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    distances.push_back(nearest(x, codes).distance.to_vector<float>());
  }
  tensor::set_threads(0);
  CHECK(distances[0] == distances[1]);
  CHECK(distances[0] == distances[2]);
}

TEST_CASE("what nearest refuses; no rows are fine", "[quant][nearest]") {
  using Catch::Matchers::Contains;
  CHECK_THAT(tests::error_of([] { nearest(Tensor({2, 3}), Tensor({4, 2})); }),
             Contains("nearest: x is [2,3], codes are [4,2]; both must be matrices of one width"));
  CHECK_THAT(tests::error_of([] { squared_distances(Tensor({2, 3}), Tensor({4, 3}, tensor::DType::f64)); }),
             Contains("squared_distances: x is f32, codes are f64; both must have one type"));
  CHECK_THAT(tests::error_of([] { nearest(Tensor({2, 3}), Tensor({0, 3})); }),
             Contains("there are no codes to choose from"));
  CHECK(nearest(Tensor({0, 3}), Tensor::zeros({4, 3})).index.size() == 0);
}
