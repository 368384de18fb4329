// The weights as products in bf16 read them, rounded together for all products of a step.
#pragma once

#include "autograd/ops/matmul.h"
#include "nn/parameters.h"

namespace nn {

// While it lives, products in bf16 on a GPU read copies of the parameters (Tensor::rounded()) that are made here by one kernel;
// elsewhere it does nothing. The parameters must not change meanwhile.
class RoundedWeights {
 public:
  explicit RoundedWeights(Parameters& parameters);
  ~RoundedWeights();
  RoundedWeights(const RoundedWeights&) = delete;
  RoundedWeights& operator=(const RoundedWeights&) = delete;

 private:
  std::vector<Var> weights_;
};

namespace rounded_weights_kernels {  // seam between rounded_weights.cpp and rounded_weights.cu (CUDA)
// rounded, bf16, holds the weights one after the other.
extern tensor::Kernel<void(std::span<const Tensor> weights, Tensor& rounded)> round;
}

}  // namespace nn
