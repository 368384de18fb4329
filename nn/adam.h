// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
#pragma once

#include <cmath>
#include <span>

#include "nn/optimizer.h"
#include "tensor/kernel.h"
#include "tensor/simd/table.h"

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
  void apply(std::vector<Update>& updates, const double& learning_rate, const Tensor& gradient_scale) const override;

 private:
  AdamOptions options_;
  bool decoupled_;
};

// Decoupled: w -= learning_rate * decay * w, for the parameters whose options say decay.
class AdamW : public Adam {
 public:
  explicit AdamW(AdamOptions options = {.decay = 0.01}) : Adam("adamw", options, true) {}
};

namespace adam_kernels {  // seam between adam.cpp (CPU) and adam.cu (CUDA); `first` chooses the device

// What all parameters of a step have in common.
struct Rates {
  const double* learning_rate;
  AdamOptions options;
  bool decoupled;  // the decay
};
extern tensor::Kernel<void(const Tensor& first, std::span<const Update> updates, const Rates& rates, const Tensor& gradient_scale)>
    update;

// For one parameter.
template <class T>
tensor::AdamStep<T> step_of(const Rates& rates, const Update& u, double gradient_scale) {
  const AdamOptions& o = rates.options;
  const auto correction = [&](double beta) { return static_cast<T>(1 / (1 - std::pow(beta, static_cast<double>(*u.count)))); };
  return {.learning_rate = static_cast<T>(*rates.learning_rate),
          .beta1 = static_cast<T>(o.beta1),
          .beta2 = static_cast<T>(o.beta2),
          .epsilon = static_cast<T>(o.epsilon),
          .correction1 = correction(o.beta1),
          .correction2 = correction(o.beta2),
          .coupled_decay = static_cast<T>(rates.decoupled ? 0 : o.decay),
          .decoupled_decay = static_cast<T>(rates.decoupled && u.decay ? o.decay : 0),
          .gradient_scale = static_cast<T>(gradient_scale)};
}

}  // namespace adam_kernels

}  // namespace nn
