#include "genrec/mmgrec/item_quantizer.h"

#include "autograd/ops/add.h"
#include "autograd/ops/mse.h"

namespace genrec::mmgrec {

namespace {

quant::ResidualGrad residual_grad(const std::string& name) {
  return name == "full" ? quant::ResidualGrad::full
         : name == "straight_through" ? quant::ResidualGrad::straight_through
                                      : quant::ResidualGrad::detach;
}

}  // namespace

ItemQuantizer::ItemQuantizer(nn::Parameters& parameters, const QuantizerOptions& o, int64_t width)
    : encoder_(parameters, "encoder", {width, o.hidden, o.latent}, {.activation = nn::Activation::relu}),
      decoder_(parameters, "decoder", {o.latent, o.hidden, width}, {.activation = nn::Activation::sigmoid}),
      quantizer_(parameters, "quantizer",
                 {.levels = o.levels, .codes = o.codes, .width = o.latent, .commitment = o.beta,
                  .residual_grad = residual_grad(o.residual_grad)}) {}

ItemQuantizer::Step ItemQuantizer::step(const Tensor& rows) const {
  const quant::Quantized quantized = quantizer_.forward(encoder_(rows, {}));
  const Var reconstruction = autograd::mse(decoder_(quantized.z_hat, {}), rows);
  return {autograd::add(reconstruction, quantized.loss), quantized};
}

Tensor ItemQuantizer::latents(const Tensor& items) const { return encoder_(items.to(tensor::default_device()), {}).value(); }

void ItemQuantizer::initialise_codebooks(const Tensor& items, uint64_t seed) {
  quantizer_.initialise(latents(items), {.seed = seed});
}

Tensor ItemQuantizer::codes(const Tensor& items) const { return quantizer_.encode(latents(items)); }

std::vector<quant::CodeUsage> ItemQuantizer::usage(const Tensor& items) const {
  return quant::code_usage(codes(items), quantizer_.options().codes);
}

}  // namespace genrec::mmgrec
