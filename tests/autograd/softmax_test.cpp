#include "autograd/ops/softmax.h"

#include <cmath>

#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using namespace autograd;

TEST_CASE("softmax rows are positive, sum to 1 and stand large values", "[softmax]") {
  const Tensor y = softmax(Tensor::from<float>({1000, 999, -1000, 0, 0, 0}, {2, 3})).value();
  CHECK(y.data<float>()[0] == Approx(1 / (1 + std::exp(-1.0))));
  CHECK(y.data<float>()[1] == Approx(1 / (1 + std::exp(1.0))));
  CHECK(y.data<float>()[2] == 0);
  CHECK(y.data<float>()[4] == Approx(1.0 / 3));
  const Tensor x = tests::random_matrix(37, 45, 1), wide = softmax(x).value(), narrow = softmax(x.to(DType::f32)).value();
  for (int64_t r = 0; r < 37; ++r) {
    double sum = 0;
    for (int64_t j = r * 45; j < (r + 1) * 45; ++j) {
      sum += wide.data<double>()[j];
      CHECK(narrow.data<float>()[j] == Approx(wide.data<double>()[j]).epsilon(1e-5));
    }
    CHECK(sum == Approx(1));
  }
  CHECK(softmax(Tensor({0, 3})).shape() == Shape{0, 3});
  CHECK(tests::error_of([] { softmax(Tensor({2, 0})); }) == "softmax: x is [2,0]; it needs at least one column");
}
