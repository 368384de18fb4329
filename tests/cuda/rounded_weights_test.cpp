// Weights that are rounded together give the products of weights rounded one by one, with fewer kernels, and are not kept.
#include "nn/rounded_weights.h"

#include <cstring>

#include "autograd/ops/linear.h"
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
