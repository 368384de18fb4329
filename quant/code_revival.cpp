#include "quant/code_revival.h"

#include <cmath>
#include <numeric>

#include "tensor/random.h"

namespace quant {

namespace code_revival_kernels {

// Overwrites the dead codes of one level by random rows of the residuals, all different while there are enough rows.
static void move_codes(const std::vector<int64_t>& dead, const Tensor& residuals, double noise, tensor::Generator& rng,
                       Tensor& codebook) {
  tensor::for_real(codebook.dtype(), "code revival", [&](auto zero) {
    using T = decltype(zero);
    const int64_t rows = residuals.rows(), width = residuals.columns();
    double square = 0;
    for (const T value : residuals.span<T>()) square += double{value} * value;
    const double deviation = noise * std::sqrt(square / static_cast<double>(residuals.size()));
    std::vector<int64_t> order(rows);
    std::iota(order.begin(), order.end(), 0);
    rng.choose(std::span(order), dead.size());
    for (size_t d = 0; d < dead.size(); ++d) {
      const T* row = residuals.data<T>() + order[d % order.size()] * width;
      T* code = codebook.data<T>() + dead[d] * width;
      for (int64_t j = 0; j < width; ++j) code[j] = static_cast<T>(row[j] + deviation * rng.normal());
    }
  });
}

static void update_cpu(std::vector<Level>& levels, const CodeRevivalOptions& options, const tensor::Random& random, Tensor& idle,
                       Tensor& moved) {
  tensor::Generator rng(random);
  for (size_t l = 0; l < levels.size(); ++l) {
    int32_t* steps = idle.data<int32_t>() + static_cast<int64_t>(l) * idle.columns();
    for (int64_t code = 0; code < idle.columns(); ++code) ++steps[code];
    for (const int32_t code : levels[l].codes.span<int32_t>()) steps[code] = 0;
    std::vector<int64_t> dead;
    for (int64_t code = 0; code < idle.columns(); ++code) {
      if (steps[code] < options.patience) continue;
      dead.push_back(code);
      steps[code] = 0;
    }
    if (dead.empty()) continue;
    move_codes(dead, levels[l].residuals, options.noise, rng, levels[l].codebook);
    moved.data<double>()[0] += static_cast<double>(dead.size());
  }
}

constinit decltype(update) update{"code_revival.update", update_cpu};

}  // namespace code_revival_kernels

CodeRevival::CodeRevival(const ResidualQuantizer& quantizer, const CodeRevivalOptions& options) : options_(options) {
  tensor::require(options.patience >= 0 && options.noise >= 0, "code revival: patience ", options.patience, " and noise ",
                  options.noise, "; neither may be negative");
  const tensor::Device device = quantizer.codebooks().front().value().device();
  idle_ = Tensor::zeros({quantizer.options().levels, quantizer.options().codes}, tensor::DType::i32, device);
  moved_ = Tensor::zeros({1}, tensor::DType::f64, device);
}

void CodeRevival::update(ResidualQuantizer& quantizer, const Quantized& batch, const tensor::Random& random) {
  if (options_.patience == 0 || batch.z_hat.rows() == 0) return;
  std::vector<code_revival_kernels::Level> levels;
  for (size_t l = 0; l < batch.levels.size(); ++l) {
    levels.push_back({batch.levels[l].codes.to(idle_.device()), batch.levels[l].residual.value(),
                      quantizer.codebooks()[l].mutable_value()});
  }
  code_revival_kernels::update(levels, options_, random, idle_, moved_);
}

}  // namespace quant
