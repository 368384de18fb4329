#include "quant/residual_quantizer.h"

#include "autograd/ops/add.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/mse.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/stop_gradient.h"
#include "autograd/ops/straight_through.h"
#include "autograd/ops/subtract.h"
#include "nn/module.h"
#include "quant/nearest.h"

namespace quant {

using autograd::stop_gradient;
using tensor::require;

namespace {

// Puts a level's codes [n] into column `level` of codes [n, levels], both on the host.
void put_column(const Tensor& column, int64_t level, Tensor& codes) {
  const int64_t levels = codes.columns();
  for (int64_t i = 0; i < column.size(); ++i) codes.data<int32_t>()[i * levels + level] = column.data<int32_t>()[i];
}

Tensor column(const Tensor& codes, int64_t level) {
  Tensor result({codes.rows()}, tensor::DType::i32);
  for (int64_t i = 0; i < codes.rows(); ++i) {
    result.data<int32_t>()[i] = codes.data<int32_t>()[i * codes.columns() + level];
  }
  return result;
}

Var total(const Var& sum, const Var& term) { return sum.defined() ? autograd::add(sum, term) : term; }

}  // namespace

ResidualQuantizer::ResidualQuantizer(nn::Parameters& parameters, const std::string& name,
                                     const ResidualQuantizerOptions& options)
    : options_(options), name_(name) {
  require(options.levels > 0 && options.codes > 0 && options.width > 0, "residual quantizer: ", options.levels,
          " levels of ", options.codes, " codes of width ", options.width, "; all three must be 1 or more");
  const double bound = 1.0 / static_cast<double>(options.codes);
  for (int64_t level = 0; level < options.levels; ++level) {
    codebooks_.push_back(parameters.add(tensor::join(name, ".codebooks.", level), {options.codes, options.width},
                                        nn::uniform(-bound, bound)));
  }
}

Quantized ResidualQuantizer::forward(const Var& z, const AssignLevel& assign) const {
  const nn::ModuleScope scope(name_);
  Quantized result;
  Var residual = z;
  for (int64_t level = 0; level < options_.levels; ++level) {
    const Var& codebook = codebooks_[level];
    const Tensor codes = assign ? assign(level, residual.value(), codebook.value())
                                : nearest(residual.value(), codebook.value()).index;
    const Var codewords = autograd::gather_rows(codebook, codes);
    const Var codebook_loss = autograd::mse(codewords, stop_gradient(residual));
    const Var commitment_loss = autograd::mse(residual, stop_gradient(codewords));
    result.levels.push_back({codes, residual, codewords, codebook_loss, commitment_loss});
    result.codeword_sum = total(result.codeword_sum, codewords);
    result.loss = total(result.loss, autograd::add(codebook_loss, autograd::scale(commitment_loss, options_.commitment)));
    switch (options_.residual_grad) {
      case ResidualGrad::detach: residual = autograd::subtract(residual, stop_gradient(codewords)); break;
      case ResidualGrad::full: residual = autograd::subtract(residual, codewords); break;
      case ResidualGrad::straight_through: residual = stop_gradient(autograd::subtract(residual, codewords)); break;
    }
  }
  if (options_.level_mean) result.loss = autograd::scale(result.loss, 1.0 / static_cast<double>(options_.levels));
  result.z_hat = autograd::straight_through(z, result.codeword_sum);
  return result;
}

Tensor ResidualQuantizer::encode(const Tensor& z) const {
  const nn::ModuleScope scope(name_);
  Tensor codes({z.rows(), options_.levels}, tensor::DType::i32);
  Var residual = z;
  for (int64_t level = 0; level < options_.levels; ++level) {
    const Var codebook = stop_gradient(codebooks_[level]);
    const Tensor index = nearest(residual.value(), codebook.value()).index;
    put_column(index.to(tensor::Device::cpu), level, codes);
    residual = autograd::subtract(residual, autograd::gather_rows(codebook, index));
  }
  return codes;
}

Tensor ResidualQuantizer::decode(const Tensor& codes) const {
  const nn::ModuleScope scope(name_);
  require(codes.shape().rank() == 2 && codes.columns() == options_.levels, "decode: codes are ", codes.shape(),
          "; they need ", options_.levels, " columns, one for each level");
  Var sum;
  for (int64_t level = 0; level < options_.levels; ++level) {
    const Var codebook = stop_gradient(codebooks_[level]);
    sum = total(sum, autograd::gather_rows(codebook, column(codes, level).to(codebook.value().device())));
  }
  return sum.value();
}

Tensor ResidualQuantizer::residual(const Tensor& z, const Tensor& codes, int64_t level) const {
  const nn::ModuleScope scope(name_);
  Var rest = z;
  for (int64_t l = 0; l < level; ++l) {
    rest = autograd::subtract(rest, autograd::gather_rows(stop_gradient(codebooks_[l]), column(codes, l).to(z.device())));
  }
  return rest.value();
}

void ResidualQuantizer::initialise(const Tensor& z, KMeansOptions options) {
  const nn::ModuleScope scope(name_);
  options.clusters = options_.codes;
  Var residual = z;
  for (Var& codebook : codebooks_) {
    const Tensor& old = codebook.value();
    const Tensor& rest = residual.value();
    const bool narrow = rest.dtype() == tensor::DType::f32;  // doubles, of gradient checks, are turned into floats on the CPU
    const Tensor centers = kmeans(narrow ? rest : rest.to(tensor::Device::cpu).to(tensor::DType::f32), options).centers;
    codebook.mutable_value().copy_from(centers.to(old.dtype()));
    options.step += options.restarts;
    const Tensor index = nearest(residual.value(), old).index;
    residual = autograd::subtract(residual, autograd::gather_rows(stop_gradient(codebook), index));
  }
}

}  // namespace quant
