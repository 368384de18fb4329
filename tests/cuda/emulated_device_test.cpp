// Every CUDA kernel of the program, run on the CPU by tests/cuda/emulation and compared with the CPU's own.
#include <cmath>

#include "genrec/device_check.h"
#include "genrec/inner_product.h"
#include "tensor/cuda/device.h"
#include "tensor/precision.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"
#include "tests/cli/program.h"

using tests::have_device;

namespace {

void check(const autograd::DeviceReport& report) {
  CHECK(report.failures == std::vector<std::string>());
  CHECK(report.cases > 0);
  CHECK(report.values > 0);
}

}  // namespace

TEST_CASE("every operation gives the CPU's values and gradients on the device", "[cuda]") {
  if (have_device()) check(autograd::compare_operations());
}

TEST_CASE("every operation gives the CPU's values and gradients on the device in bf16", "[cuda][bf16]") {
  if (!have_device()) return;
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  check(autograd::compare_operations());
}

TEST_CASE("kernels without a derivative and optimisers agree between the devices", "[cuda]") {
  if (have_device()) check(genrec::compare_kernels());
}

TEST_CASE("models train alike on both devices", "[cuda][slow]") {
  if (have_device()) check(genrec::compare_models(3));
}

TEST_CASE("models train alike on both devices in bf16", "[cuda][slow][bf16]") {
  if (!have_device()) return;
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  check(genrec::compare_models(1));
}

TEST_CASE("a filter that matches nothing is a failure of the comparison", "[cuda]") {
  CHECK(autograd::compare_operations("no such operation").failures ==
        std::vector<std::string>{"no operation matches 'no such operation'"});
}

TEST_CASE("a kernel that needs more shared memory than the GPU has is an error that says so", "[cuda]") {
  if (!have_device()) return;
  using tensor::Device, tensor::DType, tensor::Tensor;
  const Tensor scores = Tensor::zeros({1, 40000}, DType::f32, Device::cuda), none = Tensor::from<int32_t>({0, 0});
  Tensor best({2, 40000}, DType::i32, Device::cuda);
  CHECK(tests::error_of([&] { genrec::inner_product_kernels::top_k(scores, none, Tensor({0}, DType::i32), best); }) ==
        "cuda: inner_product.top_k: a block needs 524320 bytes of shared memory, this GPU has 232448; ask for less (shorter lists), or "
        "use --device cpu");
}

TEST_CASE("the comparison of devices notices a wrong result", "[cuda]") {
  using tensor::Device;
  using tensor::Tensor;
  const auto run = [](float on_cuda) {
    autograd::DeviceReport report;
    int runs = 0;
    autograd::compare_devices(
        "x", 1e-3,
        [&](Device device) -> std::vector<Tensor> {
          return {Tensor::from<float>(
              {1, device == Device::cpu ? 100.f : on_cuda + static_cast<float>(runs++ % 2) * (on_cuda == 7)})};
        },
        report);
    return report.failures;
  };
  CHECK(run(100.05f).empty());
  CHECK(run(100.2f).size() == 1);
  CHECK(run(NAN).size() == 1);
  CHECK(run(7).size() == 2);  // far off, and another value in the second run
}
