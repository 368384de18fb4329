#include "nn/rounded_weights.h"

namespace nn {

namespace rounded_weights_kernels {

constinit decltype(round) round{"rounded_weights.round", [](std::span<const Tensor>, Tensor&) {
                                  tensor::check(false, "rounded_weights.round is for a GPU");
                                }};

}

RoundedWeights::RoundedWeights(const Parameters& parameters) {
  std::vector<Tensor> weights;
  int64_t size = 0;
  for (const Parameter& p : parameters) {
    const Tensor& w = p.var.value();
    if (w.shape().rank() != 2 || !autograd::matmul_kernels::is_rounded(w)) continue;
    weights.push_back(w);
    size += w.size();
  }
  if (!weights.empty()) {
    Tensor rounded({size}, tensor::DType::bf16, weights[0].device());
    rounded_weights_kernels::round(weights, rounded);
    int64_t at = 0;
    for (const Tensor& w : weights) {
      operands_[w.raw()] = rounded.row_range(at, at + w.size()).reshape(w.shape());
      at += w.size();
    }
  }
  before_ = autograd::matmul_kernels::prepare(&operands_);
}

RoundedWeights::~RoundedWeights() { autograd::matmul_kernels::prepare(before_); }

}  // namespace nn
