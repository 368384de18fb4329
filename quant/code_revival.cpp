#include "quant/code_revival.h"

#include <cmath>
#include <numeric>

#include "tensor/random.h"

namespace quant {

namespace {

// Overwrites the dead codes of one level by random rows of the residuals, all different while there are enough rows.
void move_codes(const std::vector<int64_t>& dead, const Tensor& residuals, double noise, tensor::Generator& rng,
                Var& codebook) {
  const Tensor old = codebook.value();
  const int64_t rows = residuals.rows(), width = residuals.columns();
  const Tensor source = residuals.to(tensor::Device::cpu).to(tensor::DType::f64);
  Tensor moved = old.to(tensor::Device::cpu).to(tensor::DType::f64);
  if (moved.raw() == old.raw()) moved = moved.clone();
  double square = 0;
  for (const double value : source.span<double>()) square += value * value;
  const double deviation = noise * std::sqrt(square / static_cast<double>(source.size()));
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  rng.choose(std::span(order), dead.size());
  for (size_t d = 0; d < dead.size(); ++d) {
    const double* row = source.data<double>() + order[d % order.size()] * width;
    double* code = moved.data<double>() + dead[d] * width;
    for (int64_t j = 0; j < width; ++j) code[j] = row[j] + deviation * rng.normal();
  }
  codebook.mutable_value().copy_from(moved.to(old.dtype()).to(old.device()));
}

}  // namespace

CodeRevival::CodeRevival(const ResidualQuantizer& quantizer, const CodeRevivalOptions& options)
    : options_(options), idle_(Tensor::zeros({quantizer.options().levels, quantizer.options().codes}, tensor::DType::i32)) {
  tensor::require(options.patience >= 0 && options.noise >= 0, "code revival: patience ", options.patience, " and noise ",
                  options.noise, "; neither may be negative");
}

int64_t CodeRevival::update(ResidualQuantizer& quantizer, const Quantized& batch, uint64_t seed, uint64_t step) {
  if (options_.patience == 0 || batch.z_hat.rows() == 0) return 0;
  tensor::Generator rng(seed, "code-revival", step);
  int64_t moved = 0;
  for (int64_t level = 0; level < idle_.rows(); ++level) {
    int32_t* idle = idle_.data<int32_t>() + level * idle_.columns();
    for (int64_t code = 0; code < idle_.columns(); ++code) ++idle[code];
    for (const int32_t code : batch.levels[level].codes.to_vector<int32_t>()) idle[code] = 0;
    std::vector<int64_t> dead;
    for (int64_t code = 0; code < idle_.columns(); ++code) {
      if (idle[code] < options_.patience) continue;
      dead.push_back(code);
      idle[code] = 0;
    }
    if (dead.empty()) continue;
    move_codes(dead, batch.levels[level].residual.value(), options_.noise, rng, quantizer.codebooks()[level]);
    moved += static_cast<int64_t>(dead.size());
  }
  return moved;
}

}  // namespace quant
