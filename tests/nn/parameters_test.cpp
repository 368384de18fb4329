// Named parameters: starts that depend on seed and name only, statistics of the initialisers, errors.
#include "nn/parameters.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tests/catch.h"

using nn::Parameters;
using tensor::Tensor;

namespace {
struct Moments {
  double mean = 0, deviation = 0, smallest = 1e300, largest = -1e300;
};
Moments moments(const Tensor& x) {
  Moments m;
  for (double v : x.to(tensor::DType::f64).to_vector<double>()) {
    m.mean += v, m.deviation += v * v;
    m.smallest = std::min(m.smallest, v), m.largest = std::max(m.largest, v);
  }
  m.mean /= x.size();
  m.deviation = std::sqrt(m.deviation / x.size() - m.mean * m.mean);
  return m;
}
}  // namespace

TEST_CASE("a parameter's start depends on seed and name only", "[nn]") {
  Parameters a(7), b(7), c(8);
  const auto wa = a.add("w", {40, 30}, nn::xavier_uniform());
  b.add("other", {3, 3}, nn::normal(1));
  const auto wb = b.add("w", {40, 30}, nn::xavier_uniform());
  const auto wc = c.add("w", {40, 30}, nn::xavier_uniform());
  const auto va = a.add("v", {40, 30}, nn::xavier_uniform());
  CHECK(wa.value().to_vector<float>() == wb.value().to_vector<float>());
  CHECK(wa.value().to_vector<float>() != wc.value().to_vector<float>());
  CHECK(wa.value().to_vector<float>() != va.value().to_vector<float>());
}

TEST_CASE("a parameter's start is the same for any thread count and type", "[nn]") {
  std::vector<std::vector<float>> starts;
  for (int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    starts.push_back(Parameters(3).add("w", {300, 200}, nn::normal(0.5)).value().to_vector<float>());
  }
  tensor::set_threads(0);
  CHECK(starts[0] == starts[1]);
  CHECK(starts[0] == starts[2]);
  const Tensor wide = Parameters(3, tensor::DType::f64).add("w", {300, 200}, nn::normal(0.5)).value();
  CHECK(wide.to(tensor::DType::f32).to_vector<float>() == starts[0]);
}

TEST_CASE("initialisers have the stated moments", "[nn]") {
  Parameters p(5);
  const double bound = std::sqrt(6.0 / 500);
  const Moments uniform = moments(p.add("xu", {300, 200}, nn::xavier_uniform()).value());
  CHECK(std::fabs(uniform.mean) < 1e-3);
  CHECK(uniform.deviation == Approx(bound / std::sqrt(3)).epsilon(0.02));
  CHECK(uniform.largest <= bound);
  CHECK(uniform.smallest >= -bound);
  CHECK(uniform.largest > 0.99 * bound);
  const Moments spread = moments(p.add("xn", {300, 200}, nn::xavier_normal()).value());
  CHECK(spread.deviation == Approx(std::sqrt(2.0 / 500)).epsilon(0.02));
  CHECK(moments(p.add("n", {300, 200}, nn::normal(2)).value()).deviation == Approx(2).epsilon(0.02));
  const Moments shifted = moments(p.add("u", {300, 200}, nn::uniform(1, 3)).value());
  CHECK(shifted.mean == Approx(2).epsilon(0.01));
  CHECK(shifted.smallest >= 1);
  CHECK(shifted.largest <= 3);
  CHECK(moments(p.add("block", {10, 40}, nn::xavier_uniform(10, 10)).value()).largest > std::sqrt(6.0 / 50));
  CHECK(moments(p.add("zeros", {4}, nn::zeros()).value()).largest == 0);
  CHECK(moments(p.add("ones", {4}, nn::ones()).value()).mean == 1);
  const Tensor values = Tensor::from(std::vector<double>{1, 2.5}, {2});
  const auto copy = p.add("copy", {2}, nn::from(values));
  CHECK(copy.value().to_vector<float>() == std::vector<float>{1, 2.5});
  CHECK(copy.value().raw() != values.raw());
}

TEST_CASE("parameters are listed in order, found by name and counted", "[nn]") {
  Parameters p;
  p.add("b", {2, 3}, nn::ones());
  p.add("a", {4}, nn::zeros(), {.decay = false});
  p.add("table", {5, 5}, nn::ones(), {.trainable = false});
  p.add("empty", {0, 3}, nn::zeros());
  std::vector<std::string> names;
  for (const nn::Parameter& parameter : p) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"b", "a", "table", "empty"});
  CHECK(p.elements() == 10);
  REQUIRE(p.find("a"));
  CHECK_FALSE(p.find("a")->options.decay);
  CHECK(p.find("a")->var.needs_grad());
  CHECK_FALSE(p.find("table")->var.needs_grad());
  CHECK(p.find("c") == nullptr);
}

TEST_CASE("parameters refuse duplicate names and starts that do not fit", "[nn]") {
  Parameters p;
  p.add("w", {2}, nn::zeros());
  CHECK(tests::error_of([&] { p.add("w", {2}, nn::zeros()); }).find("two parameters are called 'w'") != std::string::npos);
  CHECK(tests::error_of([&] { p.add("b", {2}, nn::xavier_uniform()); }) ==
        "b: xavier: needs a matrix, the parameter is [2]; start vectors with zeros or uniform");
  CHECK(tests::error_of([&] { p.add("c", {3}, nn::from(Tensor::zeros({2}))); }) ==
        "c: initialise: the values are [2], the parameter is [3]");
  CHECK(p.size() == 1);
}
