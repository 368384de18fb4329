// The RQ-VAE of Graph RQ-VAE (Eqs. 6-9): encoder D-hidden-latent, residual quantiser, mirror decoder with a sigmoid in between.
// Learns to reconstruct fixed vectors; no gradient reaches them.
#pragma once

#include "genrec/mmgrec/options.h"
#include "nn/mlp.h"
#include "quant/code_usage.h"
#include "quant/residual_quantizer.h"

namespace genrec::mmgrec {

using autograd::Var;
using tensor::Tensor;

class ItemQuantizer {
 public:
  ItemQuantizer(nn::Parameters& parameters, const QuantizerOptions& options, int64_t input_width);

  struct Step {
    Var loss;  // ||h - h_hat||^2 + sum over levels (codebook + beta commitment), each the mean over its elements (Eq. 10, line 2)
    quant::Quantized quantized;
  };
  Step step(const Tensor& rows) const;
  void initialise_codebooks(const Tensor& items, uint64_t seed);  // k-means of the first residuals, level by level
  Tensor codes(const Tensor& items) const;                        // i32 [n, levels]
  std::vector<quant::CodeUsage> usage(const Tensor& items) const;

  quant::ResidualQuantizer& quantizer() { return quantizer_; }

 private:
  Tensor latents(const Tensor& items) const;  // [n, latent]

  nn::Mlp encoder_, decoder_;
  quant::ResidualQuantizer quantizer_;
};

}  // namespace genrec::mmgrec
