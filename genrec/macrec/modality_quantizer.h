// The residual-quantised autoencoder of one modality: adapter, encoder, codebooks, decoder, adapter; and the file that holds a
// trained one, which encodes items that the training never saw.
#pragma once

#include <map>
#include <memory>

#include "genrec/macrec/identifier_options.h"
#include "nn/mlp.h"
#include "quant/residual_quantizer.h"

namespace genrec::macrec {

using autograd::Var;
using tensor::Tensor;

// What its shape depends on.
struct QuantizerShape {
  std::string modality;
  int64_t features = 0;  // width of a row
  int adapter = 0;       // 0: none
  std::vector<int> chain;
  int latent = 0, levels = 0, codes = 0;
};
QuantizerShape quantizer_shape(const IdentifierOptions& options, const std::string& modality, int64_t features);
int64_t parameter_count(const QuantizerShape& shape);
int64_t activations_per_item(const QuantizerShape& shape);  // elements of one forward pass

class ModalityQuantizer {
 public:
  // Parameters are called <modality>.encoder.0.w and so on.
  ModalityQuantizer(nn::Parameters& parameters, const QuantizerShape& shape, const IdentifierOptions& options);

  struct Step {
    Var latents;               // [n, latent]
    quant::Quantized quantized;
    Var reconstruction;        // mean squared error over all elements
  };
  Step step(const Tensor& rows, const quant::AssignLevel& assign = nullptr) const;

  Tensor latents(const Tensor& rows) const;  // [n, latent]; records nothing, a few thousand rows at a time
  double reconstruction_error(const Tensor& rows) const;  // as in step, of the nearest codes

  quant::ResidualQuantizer& quantizer() { return quantizer_; }
  const quant::ResidualQuantizer& quantizer() const { return quantizer_; }

 private:
  Var encode(const Var& rows) const;
  Var decode(const Var& z_hat) const;

  std::vector<nn::Linear> adapters_;  // in, out; or none
  nn::Mlp encoder_, decoder_;
  quant::ResidualQuantizer quantizer_;
};

// A trained quantiser with the factor that its features are multiplied by.
class FrozenQuantizer {
 public:
  explicit FrozenQuantizer(const std::string& path);  // errors name the file

  const QuantizerShape& shape() const { return shape_; }
  Tensor scaled(const Tensor& features) const;  // [n, shape().features], raw; an Error when the width differs
  Tensor latents(const Tensor& features) const { return network_->latents(scaled(features)); }
  double reconstruction_error(const Tensor& features) const { return network_->reconstruction_error(scaled(features)); }
  const quant::ResidualQuantizer& quantizer() const { return network_->quantizer(); }
  const std::string& metadata(const std::string& key) const;  // what save_quantizer was given besides

 private:
  std::string path_;
  QuantizerShape shape_;
  double factor_ = 1;
  nn::Parameters parameters_;
  std::unique_ptr<ModalityQuantizer> network_;
  std::map<std::string, std::string> metadata_;
};

// `parameters` may hold other modalities too.
void save_quantizer(const std::string& path, const nn::Parameters& parameters, const QuantizerShape& shape, double factor,
                    const std::map<std::string, std::string>& metadata);

// The factor for IdentifierOptions::input: 1, or 1 / root mean square of all elements.
double feature_factor(const std::string& input, const Tensor& features);
Tensor multiplied(const Tensor& features, double factor);  // itself for 1

}  // namespace genrec::macrec
