#include "nn/rounded_weights.h"

namespace nn {

namespace rounded_weights_kernels {

constinit decltype(round) round{"rounded_weights.round", [](std::span<const Tensor>, Tensor&) {
                                  tensor::check(false, "rounded_weights.round is for a GPU");
                                }};

}

RoundedWeights::RoundedWeights(Parameters& parameters) {
  std::vector<Tensor> values;
  int64_t size = 0;
  for (const Parameter& p : parameters) {
    const Tensor& w = p.var.value();
    if (w.shape().rank() != 2 || !autograd::matmul_kernels::is_rounded(w)) continue;
    weights_.push_back(p.var), values.push_back(w);
    size += w.size();
  }
  if (weights_.empty()) return;
  Tensor rounded({size}, DType::bf16, values[0].device());
  rounded_weights_kernels::round(values, rounded);
  int64_t at = 0;
  for (Var& w : weights_) {
    w.mutable_value().set_rounded(rounded.row_range(at, at + w.value().size()).reshape(w.shape()));
    at += w.value().size();
  }
}

RoundedWeights::~RoundedWeights() {
  for (Var& w : weights_) w.mutable_value().set_rounded({});
}

}  // namespace nn
