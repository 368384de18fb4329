#include "genrec/macrec/identifier_stage.h"

#include <cmath>

#include "genrec/identifiers.h"
#include "genrec/log.h"
#include "genrec/macrec/modality_quantizer.h"
#include "genrec/macrec/quantizer_training.h"
#include "quant/code_usage.h"
#include "quant/conflicts.h"

namespace genrec::macrec {

namespace {

constexpr double kManyCollisions = 0.2;  // share of the items from which on there is a warning

using quant::Conflicts;

Conflicts resolve(const IdentifierOptions& options, const quant::LevelDistances& distances, Tensor& codes) {
  if (options.collisions == "sinkhorn") return quant::reassign_by_sinkhorn(codes, distances);
  if (options.collisions == "reassign") return quant::resolve_conflicts(codes, distances, {.exact = options.exact_distances});
  const int64_t distinct = quant::distinct_codes(codes);
  return {.items = codes.rows(), .distinct_before = distinct, .distinct_after = distinct};
}

// What the quantiser alone achieves: collisions, how much of the features is lost, how evenly codes are used.
Record quality(const FrozenQuantizer& quantizer, const Tensor& features, const Conflicts& conflicts,
               const std::vector<quant::CodeUsage>& usage) {
  const double error = quantizer.reconstruction_error(features);
  const double mean_square = 1 / std::pow(feature_factor("unit", quantizer.scaled(features)), 2);
  Record record;
  record.add("phase", "identifiers").add("modality", quantizer.shape().modality);
  record.add("weights of epoch", int64_t{std::stoll(quantizer.metadata("epoch"))});
  record.add("collisions before", conflicts.rate_before()).add("collisions after", conflicts.rate_after());
  record.add("moved", conflicts.moved).add("recon", error).add("recon share", error / mean_square);
  for (size_t level = 0; level < usage.size(); ++level) {
    const std::string prefix = "level " + std::to_string(level);
    record.add(prefix + " used", usage[level].used).add(prefix + " perplexity", usage[level].perplexity);
    record.add(prefix + " top share", usage[level].top_share);
  }
  return record;
}

void tell(const IdentifierOptions& options, const FrozenQuantizer& quantizer, const Conflicts& conflicts,
          const std::vector<quant::CodeUsage>& usage) {
  const auto percent = [](double share) { return std::round(share * 1e4) / 1e2; };
  const std::string name = "identifiers " + quantizer.shape().modality + ": ";
  std::string used;
  for (const quant::CodeUsage& level : usage) used += tensor::join(used.empty() ? "" : ", ", level.used);
  note(tensor::join(name, percent(conflicts.rate_before()), " % collide, with --collisions ", options.collisions, " ",
                    percent(conflicts.rate_after()), " %; codes used per level: ", used, " of ", options.codes,
                    "; weights of epoch ", quantizer.metadata("epoch")));
  if (conflicts.rate_before() > kManyCollisions) {
    const bool attracted = options.con_weight > 0 && options.con_attract > 0.1;
    note(tensor::join(name, "so many collisions mean that the codes say little of the items; ",
                      attracted ? "lower --con-attract" : "raise --codes or --levels, or train longer"));
  }
}

void write_modality(const IdentifierOptions& options, const TrainingRequest& request, const std::string& modality) {
  const Tensor& features = features_of(request.dataset, modality).values;
  const FrozenQuantizer quantizer(request.run / quantizer_file(modality));
  const Tensor z = quantizer.latents(features);
  Tensor codes = quantizer.quantizer().encode(z);
  const std::vector<quant::CodeUsage> usage = quant::code_usage(codes, options.codes);
  Conflicts conflicts = resolve(options, quant::level_distances(quantizer.quantizer(), z), codes);
  ItemIdentifiers identifiers{.levels = options.levels, .codes = codes.to_vector<int32_t>()};
  identifiers.sizes.assign(options.levels, options.codes);
  if (options.collisions == "index") {
    identifiers = assign_identifiers(identifiers, request.dataset.train_counts());
    conflicts.distinct_after = conflicts.items;
  }
  request.run.log(quality(quantizer, features, conflicts, usage));
  tell(options, quantizer, conflicts, usage);
  write_identifiers(request.run / identifier_file(modality), identifiers, request.dataset.item_ids);
}

}  // namespace

std::string identifier_file(const std::string& modality) { return "identifiers-" + modality + ".tsv"; }

void run_identifier_stage(const IdentifierOptions& options, const TrainingRequest& request) {
  train_quantizers(options, request);
  for (const std::string& modality : options.modalities) write_modality(options, request, modality);
}

Plan::Stage plan_identifier_stage(const IdentifierOptions& options, const Dataset& dataset) {
  const int64_t items = dataset.item_count(), batch = std::min<int64_t>(options.batch, std::max<int64_t>(items, 1));
  int64_t parameters = 0, activations = 0, features = 0;
  for (const std::string& name : options.modalities) {
    const QuantizerShape shape = quantizer_shape(options, name, features_of(dataset, name).dim());
    parameters += parameter_count(shape);
    activations += batch * activations_per_item(shape);
    features += items * shape.features;
    if (options.con_weight > 0) activations += 3 * batch * batch * std::max(0, options.levels - options.con_level);
  }
  // Weights, gradients, two moments; values and gradients of a step; the features, as they are and scaled.
  const int64_t bytes = 4 * (4 * parameters + 2 * activations + features * (options.input == "unit" ? 2 : 1));
  return {"ids", tensor::join(options.epochs, " epochs of the quantisers over ", items, " items in batches of ", options.batch),
          parameters, bytes};
}

}  // namespace genrec::macrec
