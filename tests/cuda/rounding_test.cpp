// What products in bf16 read: weights that are rounded together, and elements that their maker rounds, give the same as numbers
// rounded for each product, with fewer kernels, and are not used once the numbers have changed.
#include <cstring>

#include "autograd/ops/dropout_add_norm.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/mean.h"
#include "autograd/ops/multiply.h"
#include "nn/rounded_weights.h"
#include "tensor/precision.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using autograd::Var;
using tensor::Tensor;

namespace {

// The result and the gradients of two layers, and the kernels they took.
struct Made {
  std::vector<Tensor> tensors;
  int64_t kernels;
};

Made two_layers(nn::Parameters& parameters, const Var& a, const Var& b, const Tensor& x, bool together) {
  parameters.clear_gradients();
  const int64_t before = tensor::cuda::launches();
  std::unique_ptr<nn::RoundedWeights> rounded;
  if (together) rounded = std::make_unique<nn::RoundedWeights>(parameters);
  autograd::Tape tape;
  const Var y = autograd::linear(autograd::linear(x, a, {}), b, {});
  tape.backward(y, y.value());
  const int64_t kernels = tensor::cuda::launches() - before;
  return {{y.value().to(tensor::Device::cpu), a.grad().to(tensor::Device::cpu), b.grad().to(tensor::Device::cpu)}, kernels};
}

bool same(const Made& one, const Made& other) {
  for (size_t i = 0; i < one.tensors.size(); ++i) {
    const Tensor &x = one.tensors[i], &y = other.tensors[i];
    if (std::memcmp(x.raw(), y.raw(), static_cast<size_t>(x.bytes())) != 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("weights rounded together give the bits of weights rounded one by one", "[cuda][bf16]") {
  if (!tests::have_device()) return;
  const tests::On on(tensor::Device::cuda);
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  nn::Parameters parameters(3);
  Var a = parameters.add("a", {16, 24}, nn::normal(1)), b = parameters.add("b", {24, 8}, nn::normal(1));
  parameters.add("no matrix", {24}, nn::normal(1));
  tensor::Generator rng(1, "rounded weights");
  Tensor rows({7, 16});
  for (float& value : rows.span<float>()) value = static_cast<float>(rng.normal());
  const Tensor x = rows.to(tensor::Device::cuda);
  const Made apart = two_layers(parameters, a, b, x, false), together = two_layers(parameters, a, b, x, true);
  CHECK(same(apart, together));
  CHECK(together.kernels == apart.kernels - 1);  // two weights, one kernel
  Tensor weight = a.value();
  weight.copy_from(Tensor::full(weight.shape(), 0.25, tensor::DType::f32, tensor::Device::cuda));
  const Made changed = two_layers(parameters, a, b, x, true);
  CHECK_FALSE(same(changed, together));
  CHECK(same(changed, two_layers(parameters, a, b, x, false)));
}

TEST_CASE("rounded elements go with a handle until it is written through", "[tensor]") {
  Tensor x = Tensor::full({2, 3}, 1), rounded = Tensor::zeros({2, 3}, tensor::DType::bf16);
  x.set_rounded(rounded);
  Tensor copy = x;
  CHECK(copy.reshape({6}).rounded().shape() == tensor::Shape{6});
  CHECK(copy.rounded().raw() == rounded.raw());
  CHECK_FALSE(copy.row_range(0, 1).rounded().defined());
  CHECK_FALSE(copy.clone().rounded().defined());
  copy.data<float>();
  CHECK_FALSE(copy.rounded().defined());
  CHECK(x.rounded().defined());
  x.copy_from(Tensor::full({2, 3}, 2));
  CHECK_FALSE(x.rounded().defined());
  x.set_rounded(rounded);
  x.fill(3);
  CHECK_FALSE(x.rounded().defined());
  CHECK_THROWS(x.set_rounded(Tensor({2, 3})));
}

TEST_CASE("a gradient that is added to is not read as its first part was rounded", "[cuda][bf16]") {
  if (!tests::have_device()) return;
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  tensor::Generator rng(2, "added gradient");
  const auto random = [&](tensor::Shape shape) {
    Tensor x(shape);
    for (float& value : x.span<float>()) value = static_cast<float>(rng.normal());
    return x;
  };
  const Tensor x = random({9, 16}), w = random({16, 24}), residual = random({9, 24}), scale = random({24});
  // Of w and, of the two norms, their sums: the gradient of h comes in two parts, each rounded by the norm that gives it.
  const auto gradient = [&](tensor::Device device) {
    const tests::On on(device);
    const Var weight = Var::parameter(w.to(device)), s(scale.to(device)), r(residual.to(device));
    autograd::Tape tape;
    const Var h = autograd::linear(x.to(device), weight);
    const auto norm = [&] { return autograd::dropout_add_rms_norm(h, r, s, 0, tensor::Random(1, "none")).second; };
    tape.backward(autograd::mean(autograd::multiply(norm(), norm())));
    return weight.grad().to_vector<float>();
  };
  const auto want = gradient(tensor::Device::cpu), got = gradient(tensor::Device::cuda);
  for (size_t i = 0; i < want.size(); ++i) REQUIRE(got[i] == Approx(want[i]).epsilon(1e-2).margin(1e-4));
}
