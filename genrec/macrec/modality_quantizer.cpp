#include "genrec/macrec/modality_quantizer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "autograd/ops/mse.h"
#include "nn/checkpoint.h"
#include "tensor/parallel.h"

namespace genrec::macrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr int64_t kRows = 4096;  // encoded at a time outside of training

std::vector<int64_t> encoder_widths(const QuantizerShape& shape) {
  std::vector<int64_t> widths = {shape.adapter > 0 ? shape.adapter : shape.features};
  widths.insert(widths.end(), shape.chain.begin(), shape.chain.end());
  widths.push_back(shape.latent);
  return widths;
}

std::vector<int64_t> decoder_widths(const QuantizerShape& shape) {
  std::vector<int64_t> widths = encoder_widths(shape);
  std::reverse(widths.begin(), widths.end());
  return widths;
}

// Every parameter decays, the biases too.
nn::MlpOptions mlp_options() { return {.decay_bias = true, .initializer = nn::xavier_normal()}; }
nn::LinearOptions linear_options() { return {.decay_bias = true, .initializer = nn::xavier_normal()}; }

quant::ResidualQuantizerOptions quantizer_options(const QuantizerShape& shape, const IdentifierOptions& o) {
  const auto mode = o.residual_grad == "full"               ? quant::ResidualGrad::full
                    : o.residual_grad == "straight_through" ? quant::ResidualGrad::straight_through
                                                            : quant::ResidualGrad::detach;
  return {.levels = shape.levels, .codes = shape.codes, .width = shape.latent, .commitment = o.commitment,
          .level_mean = o.level_mean, .residual_grad = mode};
}

int64_t number(const nn::Checkpoint& file, const std::string& key, int64_t low, int64_t high) {
  const std::string& text = file.text(key);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(Fault::bad_data, error == std::errc{} && end == text.data() + text.size() && value >= low && value <= high, file.path(),
          ": ", key, " is '", text, "', expected a number from ", low, " to ", high, "; was the file edited?");
  return value;
}

}  // namespace

QuantizerShape quantizer_shape(const IdentifierOptions& o, const std::string& modality, int64_t features) {
  return {.modality = modality, .features = features, .adapter = o.adapter, .chain = o.chain, .latent = o.latent,
          .levels = o.levels, .codes = o.codes};
}

int64_t parameter_count(const QuantizerShape& shape) {
  const auto linear = [](int64_t in, int64_t out) { return (in + 1) * out; };
  const std::vector<int64_t> widths = encoder_widths(shape);
  int64_t count = int64_t{shape.levels} * shape.codes * shape.latent;
  for (size_t i = 0; i + 1 < widths.size(); ++i) count += linear(widths[i], widths[i + 1]) + linear(widths[i + 1], widths[i]);
  if (shape.adapter > 0) count += linear(shape.features, shape.adapter) + linear(shape.adapter, shape.features);
  return count;
}

int64_t activations_per_item(const QuantizerShape& shape) {
  int64_t count = 2 * shape.features + int64_t{3} * shape.levels * shape.latent;
  for (int64_t width : encoder_widths(shape)) count += 2 * width;
  return count;
}

ModalityQuantizer::ModalityQuantizer(nn::Parameters& parameters, const QuantizerShape& shape, const IdentifierOptions& options)
    : encoder_(parameters, shape.modality + ".encoder", encoder_widths(shape), mlp_options()),
      decoder_(parameters, shape.modality + ".decoder", decoder_widths(shape), mlp_options()),
      quantizer_(parameters, shape.modality + ".quantizer", quantizer_options(shape, options)) {
  if (shape.adapter == 0) return;
  adapters_.emplace_back(parameters, shape.modality + ".adapter_in", shape.features, shape.adapter, linear_options());
  adapters_.emplace_back(parameters, shape.modality + ".adapter_out", shape.adapter, shape.features, linear_options());
}

Var ModalityQuantizer::encode(const Var& rows) const { return encoder_(adapters_.empty() ? rows : adapters_[0](rows), {}); }

Var ModalityQuantizer::decode(const Var& z_hat) const {
  const Var rows = decoder_(z_hat, {});
  return adapters_.empty() ? rows : adapters_[1](rows);
}

ModalityQuantizer::Step ModalityQuantizer::step(const Tensor& features, const quant::AssignLevel& assign) const {
  const Tensor rows = features.to(tensor::default_device());
  const Var z = encode(rows);
  const quant::Quantized quantized = quantizer_.forward(z, assign);
  return {z, quantized, autograd::mse(decode(quantized.z_hat), rows)};
}

Tensor ModalityQuantizer::latents(const Tensor& features) const {
  const Tensor rows = features.to(tensor::default_device());
  Tensor z({rows.rows(), quantizer_.options().width}, rows.dtype(), rows.device());
  for (int64_t begin = 0; begin < rows.rows(); begin += kRows) {
    const int64_t end = std::min(rows.rows(), begin + kRows);
    z.row_range(begin, end).copy_from(encode(rows.row_range(begin, end)).value());
  }
  return z;
}

double ModalityQuantizer::reconstruction_error(const Tensor& rows) const {
  double sum = 0;
  for (int64_t begin = 0; begin < rows.rows(); begin += kRows) {
    const int64_t end = std::min(rows.rows(), begin + kRows);
    sum += step(rows.row_range(begin, end)).reconstruction.value().item() * static_cast<double>(end - begin);
  }
  return sum / static_cast<double>(std::max<int64_t>(rows.rows(), 1));
}

FrozenQuantizer::FrozenQuantizer(const std::string& path) : path_(path) {
  const nn::Checkpoint file = nn::Checkpoint::read(path);
  constexpr int64_t kWidest = 1 << 20;
  shape_.modality = file.text("modality");
  shape_.features = number(file, "features", 1, kWidest);
  shape_.adapter = static_cast<int>(number(file, "adapter", 0, kWidest));
  const int64_t depth = number(file, "depth", 0, 64);
  for (int64_t i = 0; i < depth; ++i) {
    shape_.chain.push_back(static_cast<int>(number(file, "chain " + std::to_string(i), 1, kWidest)));
  }
  shape_.latent = static_cast<int>(number(file, "latent", 1, kWidest));
  shape_.levels = static_cast<int>(number(file, "levels", 1, 16));
  shape_.codes = static_cast<int>(number(file, "codes", 1, kWidest));
  factor_ = file.tensor("factor").item();
  network_ = std::make_unique<ModalityQuantizer>(parameters_, shape_, IdentifierOptions{});
  file.restore("model", parameters_);
  for (const char* key : {"data", "epoch"}) metadata_[key] = file.text(key);
}

Tensor FrozenQuantizer::scaled(const Tensor& features) const {
  require(Fault::bad_data, features.shape().rank() == 2 && features.columns() == shape_.features, path_, ": encodes ",
          shape_.modality, " features of width ", shape_.features, ", these are ", features.shape(),
          "; give features made like those of the training");
  return multiplied(features, factor_);
}

const std::string& FrozenQuantizer::metadata(const std::string& key) const { return metadata_.at(key); }

void save_quantizer(const std::string& path, const nn::Parameters& parameters, const QuantizerShape& shape, double factor,
                    const std::map<std::string, std::string>& metadata) {
  nn::Checkpoint file;
  for (const nn::Parameter& p : parameters) {
    if (p.name.starts_with(shape.modality + ".")) file.put("model/" + p.name, p.var.value());
  }
  file.put("factor", Tensor::scalar(factor, tensor::DType::f64));
  file.set("modality", shape.modality);
  const auto set = [&](const std::string& key, int64_t value) { file.set(key, std::to_string(value)); };
  set("features", shape.features), set("adapter", shape.adapter), set("depth", static_cast<int64_t>(shape.chain.size()));
  for (size_t i = 0; i < shape.chain.size(); ++i) set("chain " + std::to_string(i), shape.chain[i]);
  set("latent", shape.latent), set("levels", shape.levels), set("codes", shape.codes);
  for (const auto& [key, value] : metadata) file.set(key, value);
  file.write(path);
}

double feature_factor(const std::string& input, const Tensor& features) {
  if (input != "unit") return 1;
  const double squares = tensor::parallel_sum<double>(features.size(), 1 << 15, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += double{features.data<float>()[i]} * features.data<float>()[i];
    return sum;
  });
  return squares > 0 ? std::sqrt(static_cast<double>(features.size()) / squares) : 1;
}

Tensor multiplied(const Tensor& features, double factor) {
  if (factor == 1) return features;
  Tensor result = features.clone();
  for (float& x : result.span<float>()) x = static_cast<float>(x * factor);
  return result;
}

}  // namespace genrec::macrec
