// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
#pragma once

#include <span>

#include "nn/optimizer.h"
#include "tensor/kernel.h"

namespace nn {

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double decay = 0;
};

// Coupled L2: decay * w is added to the gradient of every parameter before the moments.
class Adam : public Optimizer {
 public:
  explicit Adam(AdamOptions options = {}) : Adam("adam", options, false) {}

 protected:
  Adam(const char* name, AdamOptions options, bool decoupled)
      : Optimizer(name, {"m", "v"}), options_(options), decoupled_(decoupled) {}
  void apply(std::vector<Update>& updates, double learning_rate, const Tensor& gradient_scale) const override;

 private:
  AdamOptions options_;
  bool decoupled_;
};

// Decoupled: w -= learning_rate * decay * w, for the parameters whose options say decay.
class AdamW : public Adam {
 public:
  explicit AdamW(AdamOptions options = {.decay = 0.01}) : Adam("adamw", options, true) {}
};

struct AdamUpdate {
  Tensor w, g, m, v;
  double learning_rate, beta1, beta2, epsilon;
  double correction1, correction2;  // 1 / (1 - beta^count)
  double coupled_decay, decoupled_decay;
};

namespace adam_kernels {  // seam between adam.cpp (CPU) and adam.cu (CUDA); `first` chooses the device
extern tensor::Kernel<void(const Tensor& first, std::span<const AdamUpdate> updates, const Tensor& gradient_scale)> update;
}

}  // namespace nn
