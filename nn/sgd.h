// Stochastic gradient descent with momentum and coupled weight decay.
#pragma once

#include <span>

#include "nn/optimizer.h"
#include "tensor/kernel.h"

namespace nn {

struct SgdOptions {
  double momentum = 0;
  double decay = 0;  // added to the gradient of every parameter: g + decay w
};

// velocity = momentum velocity + g + decay w;  w -= learning_rate velocity
class Sgd : public Optimizer {
 public:
  explicit Sgd(SgdOptions options = {}) : Optimizer("sgd", {"velocity"}), options_(options) {}

 protected:
  void apply(std::vector<Update>& updates, const double& learning_rate, const Tensor& gradient_scale) const override;

 private:
  SgdOptions options_;
};

struct SgdStep {
  const double* learning_rate;
  double momentum, decay;
};

namespace sgd_kernels {  // seam between sgd.cpp (CPU) and sgd.cu (CUDA); `first` chooses the device
extern tensor::Kernel<void(const Tensor& first, std::span<const Update> updates, const SgdStep& step,
                           const Tensor& gradient_scale)>
    update;
}

}  // namespace nn
