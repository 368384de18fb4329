// What --precision bf16 changes of the operations, and what it leaves alone.
#include <cmath>

#include "autograd/device_check.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/mse.h"
#include "tensor/parallel.h"
#include "tensor/precision.h"
#include "tensor/simd/simd.h"
#include "tests/catch.h"

using namespace autograd;
using tensor::Precision;
using tensor::PrecisionScope;

namespace {

// y and the gradients of x, w and bias.
std::vector<Tensor> linear_results(DType type, Precision precision) {
  const PrecisionScope scope(precision);
  tensor::Generator rng(4, "precision test");
  const auto random = [&](Shape shape) { return Var::parameter(random_tensor(shape, rng).to(type)); };
  const Var x = random({90, 70}), w = random({70, 50}), bias = random({50});
  Tape tape;
  const Var y = linear(x, w, bias);
  tape.backward(y, random_tensor({90, 50}, rng).to(type));
  return {y.value(), x.grad(), w.grad(), bias.grad()};
}

// |a - b| / |b|, as vectors.
double distance(const Tensor& a, const Tensor& b) {
  double difference = 0, size = 0;
  const auto x = a.to(DType::f64).to_vector<double>(), y = b.to(DType::f64).to_vector<double>();
  for (size_t i = 0; i < x.size(); ++i) difference += std::pow(x[i] - y[i], 2), size += std::pow(y[i], 2);
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("linear in bf16 is near fp32, with its gradients", "[bf16][ops]") {
  const std::vector<Tensor> exact = linear_results(DType::f32, Precision::fp32);
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    const std::vector<Tensor> rounded = linear_results(DType::f32, Precision::bf16);
    tensor::set_isa("auto");
    for (size_t i = 0; i < 3; ++i) {
      INFO("result " << i << " on " << set);
      CHECK(distance(rounded[i], exact[i]) < 2e-2);
      CHECK(distance(rounded[i], exact[i]) > 1e-4);  // it was rounded
    }
    CHECK(rounded[3].to_vector<float>() == exact[3].to_vector<float>());  // the sums of the bias are no product
  }
}

TEST_CASE("double precision does not round", "[bf16][ops]") {
  const std::vector<Tensor> exact = linear_results(DType::f64, Precision::fp32);
  const std::vector<Tensor> rounded = linear_results(DType::f64, Precision::bf16);
  for (size_t i = 0; i < exact.size(); ++i) CHECK(rounded[i].to_vector<double>() == exact[i].to_vector<double>());
}

TEST_CASE("bf16 rounds the inputs of products and changes no other operation", "[bf16][ops]") {
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    const DeviceReport report = compare_precisions();
    tensor::set_isa("auto");
    CHECK(report.failures == std::vector<std::string>());
    CHECK(report.cases > 50);
  }
  CHECK(compare_precisions("no such operation").failures ==
        std::vector<std::string>{"no operation matches 'no such operation'"});
}
