// Contrastive losses: golden values and gradients, rows left out, tiny rows, bad input.
#include "nn/contrastive.h"

#include <cmath>

#include "tests/catch.h"

using autograd::Tape;
using nn::Var;
using tensor::Tensor;
using Doubles = std::vector<double>;
using Integers = std::vector<int32_t>;

namespace {

Tensor golden_x() { return Tensor::from(Doubles{1, 2, 2, 1, -1, .5}, {3, 2}); }

void check_near(const Tensor& x, const Doubles& expected, double margin = 1e-6) {
  const Doubles values = x.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(margin));
}

}  // namespace

TEST_CASE("info_nce: golden losses and gradients over the share of attraction", "[contrastive]") {
  struct Case {
    double attract, loss;
    Doubles dx;
  };
  const Case cases[] = {
      {1, 1.417981, {-1.409393, .704696, .704639, -1.409279, 1.141e-4, 2.281e-4}},
      {.05, .151314, {.110607, -.055304, -.055361, .110721, .000114, .000228}},
      {0, .084647, {.190607, -.095304, -.095361, .190721, .000114, .000228}},
  };
  for (const Case& c : cases) {
    INFO("attract " << c.attract);
    const Var x = Var::parameter(golden_x());
    Tape tape;
    const Var loss = nn::info_nce(x, Tensor::from(Integers{1, 0, 2}), {.attract = c.attract});
    CHECK(loss.value().item() == Approx(c.loss).margin(1e-6));
    tape.backward(loss);
    check_near(x.grad(), c.dx);
  }
}

TEST_CASE("align_rows: golden loss and gradients of both directions", "[contrastive]") {
  const Var x = Var::parameter(golden_x()), y = Var::parameter(Tensor::from(Doubles{1, 1, 3, 0, -2, 1}, {3, 2}));
  Tape tape;
  const Var loss = nn::align_rows(x, y);
  CHECK(loss.value().item() == Approx(.570676).margin(1e-6));
  tape.backward(loss);
  check_near(x.grad(), {-.192458, .096229, -.430647, .861295, 4.5e-6, 8.9e-6});
  check_near(y.grad(), {.863865, -.863865, 0, -.302080, 8.1e-5, 1.612e-4});
}

TEST_CASE("info_nce: a row without a positive is left out, but others are still kept apart from it", "[contrastive]") {
  for (double attract : {0., .3, 1.}) {
    const Doubles all = {1, 2, 2, 1};
    const Var x = Var::parameter(Tensor::from(all, {2, 2}));
    const double both = nn::info_nce(x, Tensor::from(Integers{1, 0}), {.attract = attract}).value().item();
    // Two rows are symmetric: the mean over one of them is the mean over both.
    CHECK(nn::info_nce(x, Tensor::from(Integers{1, -1}), {.attract = attract}).value().item() == Approx(both));
    CHECK(nn::info_nce(x, Tensor::from(Integers{-1, -1}), {.attract = attract}).value().item() == 0);
  }
}

TEST_CASE("info_nce: one row, and rows of length 0, give no harm", "[contrastive]") {
  const Var one = Var::parameter(Tensor::from(Doubles{3, 4}, {1, 2}));
  Tape tape;
  Var loss = nn::info_nce(one, Tensor::from(Integers{0}));
  tape.backward(loss);
  CHECK(loss.value().item() == 0);
  check_near(one.grad(), {0, 0}, 1e-15);

  const Var zero = Var::parameter(Tensor::from(Doubles{0, 0, 1e-9, 0, 1, 1}, {3, 2}));
  Tape second;
  second.backward(nn::info_nce(zero, Tensor::from(Integers{1, 0, 2}), {.floor = {.least = 1e-3}}));
  for (double g : zero.grad().to_vector<double>()) CHECK(std::fabs(g) < 1e4);  // 1 / (temperature floor)
}

TEST_CASE("contrastive losses refuse shapes and options that make no sense", "[contrastive]") {
  const Var x = golden_x();
  CHECK_THAT(tests::error_of([&] { nn::info_nce(x, Tensor::from(Integers{0, 1})); }),
             tests::Contains("info_nce: x is [3,2], positives are [2]; they must be [n,d] and [n]"));
  CHECK_THAT(tests::error_of([&] { nn::info_nce(x, Tensor::from(Integers{0, 1, 2}), {.attract = 2}); }),
             tests::Contains("info_nce: attract is 2, temperature 0.1; attract must be in [0, 1]"));
  CHECK_THAT(tests::error_of([&] { nn::align_rows(x, Tensor::from(Doubles{1, 2}, {1, 2})); }),
             tests::Contains("align_rows: x is [3,2], y is [1,2]; both must be [n,d]"));
}
