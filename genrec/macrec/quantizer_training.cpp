#include "genrec/macrec/quantizer_training.h"

#include <cmath>

#include "autograd/ops/add.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/scale.h"
#include "genrec/macrec/letter_losses.h"
#include "genrec/macrec/modality_quantizer.h"
#include "genrec/macrec/pseudo_labels.h"
#include "genrec/log.h"
#include "genrec/trainer.h"
#include "nn/adam.h"
#include "nn/contrastive.h"
#include "quant/code_usage.h"
#include "quant/conflicts.h"
#include "quant/nearest.h"
#include "quant/sinkhorn.h"
#include "tensor/divide.h"
#include "tensor/random.h"
#include "tensor/reduce.h"
#include "tensor/safetensors.h"

namespace genrec::macrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr int64_t kStartRows = 1 << 16;  // most items that the codebooks start from
constexpr const char* kPhase = "quantizers";

struct Modal {
  std::string name;
  Tensor raw, features;  // as in the data set, and times `factor`
  double factor = 1;
  QuantizerShape shape;
  std::unique_ptr<ModalityQuantizer> network;
  Tensor labels;    // pseudo-labels of this modality, where another one needs them
  std::vector<Tensor> positives;  // of a step, i32 [batch] of each level that has a contrastive loss
  Tensor clusters;  // LETTER: of the codewords, i32 [levels, codes]
};

double collision_rate(const Tensor& codes) {
  return 1 - static_cast<double>(quant::distinct_codes(codes)) / static_cast<double>(codes.rows());
}

class QuantizerTraining {
 public:
  QuantizerTraining(const IdentifierOptions& options, const TrainingRequest& request)
      : options_(options), request_(request), parameters_(request.seed), optimizer_({.decay = options.weight_decay}) {
    require_options();
    for (const std::string& name : options.modalities) {
      Modal& m = modals_.emplace_back();
      m.name = name;
      m.raw = features_of(request.dataset, name).values;
      m.factor = feature_factor(options.input, m.raw);
      m.features = multiplied(m.raw, m.factor).to(tensor::default_device());
      m.shape = quantizer_shape(options, name, m.raw.columns());
      m.network = std::make_unique<ModalityQuantizer>(parameters_, m.shape, options);
      m.clusters = Tensor::zeros({options.levels, options.codes}, tensor::DType::i32);
    }
    order_.resize(request.dataset.item_count());
    parts_ = {"recon", "rq", "con", "align", "cf", "diversity"};
    sums_ = Tensor::zeros({static_cast<int64_t>(parts_.size() * modals_.size())}, tensor::DType::f64, tensor::default_device());
    best_ = Tensor::full({static_cast<int64_t>(modals_.size())}, 2, tensor::DType::f64);
    clustered_ = Tensor::full({1}, -1, tensor::DType::i64);
  }

  void run() {
    if (uses_labels()) prepare_labels();
    if (options_.cf_weight > 0) {
      cf_ = collaborative_vectors(options_.cf_vectors, options_.latent, request_.dataset, request_.run, request_.seed)
                .to(tensor::default_device());
    }
    train();
    for (const Modal& m : modals_) {
      if (!file_exists(request_.run / quantizer_file(m.name))) save(m);  // never measured
    }
  }

 private:
  void require_options() const {
    const size_t count = options_.modalities.size();
    require(Fault::config, count > 0, "--modalities: names none; give at least one kind of features");
    require(Fault::config, count == 2 || (options_.con_weight == 0 && options_.align_weight == 0), "--modalities: the contrastive "
            "loss and the alignment are between two modalities, these are ", count,
            "; name two, or give --con-weight 0 --align-weight 0");
    require(Fault::missing_input, request_.dataset.item_count() > 0, "identifiers: the data set has no items");
  }

  bool uses_labels() const { return options_.con_weight > 0 && options_.con_attract > 0; }

  void prepare_labels() {
    const std::string file = request_.run / "pseudo-labels.safetensors";
    if (!file_exists(file)) {
      tensor::NamedTensors all;
      for (const Modal& m : modals_) all.emplace_back(m.name, make_pseudo_labels(m.raw, m.name, options_, request_.seed));
      tensor::write_safetensors(file, all, {{"data", fingerprint(request_.dataset)}});
    }
    const tensor::Safetensors stored = tensor::read_safetensors(file);
    require(Fault::bad_data, stored.metadata_at("data") == fingerprint(request_.dataset), file,
            ": was made from other data; use another --out");
    for (Modal& m : modals_) m.labels = stored.at(m.name);
  }

  void train() {
    TrainingPhase phase{.name = kPhase, .epochs = options_.epochs, .validate_every = options_.eval_every, .clip = options_.clip};
    phase.learning_rate = options_.learning_rate;
    phase.seed = request_.seed;
    phase.parameters = &parameters_;
    phase.optimizer = &optimizer_;
    phase.begin_epoch = [&](int64_t epoch) { return begin_epoch(epoch); };
    phase.begin_step = [&](int64_t index, const nn::Context& context) { return begin_step(index, context); };
    phase.loss = [&](int64_t, const nn::Context& context) { return loss(context); };
    phase.end_epoch = [&](Record& record) {
      add_parts(record);
      if ((epoch_ + 1) % options_.eval_every == 0) measure(record);
    };
    phase.validate = [&] { return validate(); };
    phase.extra = {{"sums", sums_}, {"best", best_}, {"clustered", clustered_}};
    for (const Modal& m : modals_) phase.extra.emplace_back("clusters " + m.name, m.clusters);
    phase.metadata = {{"data", fingerprint(request_.dataset)}};
    if (!file_exists(request_.run / (std::string(kPhase) + ".safetensors"))) initialise_codebooks();
    train_phase(phase, request_.run);
  }

  void shuffle(int64_t epoch) {
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<int32_t>(i);
    tensor::Generator rng(request_.seed, "identifiers/order", static_cast<uint64_t>(epoch));
    rng.shuffle(std::span<int32_t>(order_));
  }

  Tensor items(int64_t begin, int64_t count) const {
    const int64_t end = std::min(begin + count, static_cast<int64_t>(order_.size()));
    return Tensor::from(std::span<const int32_t>(order_.data() + begin, end - begin), {end - begin});
  }

  void initialise_codebooks() {
    shuffle(0);
    const bool all = options_.codebook_init != "batch";
    const Tensor ids = items(0, all ? kStartRows : options_.batch);
    for (Modal& m : modals_) {
      const Stage stage("codebooks " + m.name);
      const Tensor z = m.network->latents(autograd::gather_rows(m.features, ids).value());
      m.network->quantizer().initialise(z, {.balanced = options_.codebook_init == "balanced", .seed = request_.seed});
    }
  }

  int64_t begin_epoch(int64_t epoch) {
    epoch_ = epoch;
    shuffle(epoch);
    if (options_.diversity_weight > 0 && *clustered_.data<int64_t>() != epoch) {
      for (Modal& m : modals_) {
        m.clusters.copy_from(codeword_clusters(m.network->quantizer(), options_.diversity_clusters, request_.seed));
      }
      *clustered_.data<int64_t>() = epoch;
    }
    return tensor::ceil_div(std::ssize(order_), options_.batch);
  }

  // The last level takes part in a balanced assignment, the others take the nearest codes.
  quant::AssignLevel assignment() const {
    if (options_.sinkhorn_epsilon == 0) return nullptr;
    return [this](int64_t level, const Tensor& residuals, const Tensor& codebook) {
      if (level + 1 < options_.levels) return quant::nearest(residuals, codebook).index;
      const quant::SinkhornOptions o{.epsilon = options_.sinkhorn_epsilon, .iterations = options_.sinkhorn_iterations};
      return quant::sinkhorn_assign(quant::squared_distances(residuals, codebook), o);
    };
  }

  StepInputs begin_step(int64_t index, const nn::Context& context) {
    ids_ = items(index * options_.batch, options_.batch);
    StepInputs inputs{.tensors = {ids_}, .key = {}};
    for (size_t m = 0; options_.con_weight > 0 && m < modals_.size(); ++m) {
      modals_[m].positives.resize(options_.levels);
      for (int level = options_.con_level; level < options_.levels; ++level) {
        const tensor::Random random = context.stream(tensor::join("identifiers/positives/", modals_[m].name, "/", level));
        modals_[m].positives[level] = uses_labels()
                                          ? draw_positives(ids_, modals_[1 - m].labels, options_.no_pos == "skip", random)
                                          : draw_positives(ids_, ids_as_labels(), false, random);
        inputs.add(modals_[m].positives[level]);
      }
    }
    return inputs;
  }

  Var loss(const nn::Context& context) {
    std::vector<ModalityQuantizer::Step> steps;
    Var total;
    for (size_t m = 0; m < modals_.size(); ++m) {
      steps.push_back(modals_[m].network->step(autograd::gather_rows(modals_[m].features, ids_).value(), assignment()));
      add_part(total, m, 0, steps[m].reconstruction, 1);
      add_part(total, m, 1, steps[m].quantized.loss, 1);
      if (options_.cf_weight > 0) {
        const Tensor cf = autograd::gather_rows(cf_, ids_).value();
        add_part(total, m, 4, collaborative_loss(steps[m].quantized.z_hat, cf), options_.cf_weight);
      }
      if (options_.diversity_weight > 0) add_part(total, m, 5, diversity(modals_[m], steps[m], context), options_.diversity_weight);
    }
    if (options_.con_weight > 0) {
      for (size_t m = 0; m < modals_.size(); ++m) add_contrast(total, m, steps[m]);
    }
    if (options_.align_weight > 0) {
      const auto vector = [&](size_t m) {
        return options_.align_grad == "codebook" ? steps[m].quantized.codeword_sum : steps[m].quantized.z_hat;
      };
      add_part(total, 0, 3, nn::align_rows(vector(0), vector(1), {.temperature = options_.temperature}), options_.align_weight);
    }
    return total;
  }

  // Adds weight * value to the loss, and the value to the epoch's statistics.
  void add_part(Var& total, size_t modal, size_t part, const Var& value, double weight) {
    tensor::accumulate(value.value(), static_cast<int64_t>(modal * parts_.size() + part), sums_);
    const Var term = weight == 1 ? value : autograd::scale(value, weight);
    total = total.defined() ? autograd::add(total, term) : term;
  }

  // The residuals of each level, with positives that the pseudo-labels of the other modality give.
  void add_contrast(Var& total, size_t m, const ModalityQuantizer::Step& step) {
    nn::ContrastOptions contrast{.temperature = options_.temperature, .attract = options_.con_attract};
    if (options_.con_floor > 0) {
      contrast.floor = {.share = options_.con_floor, .length = autograd::typical_length(step.latents.value())};
    }
    for (size_t level = options_.con_level; level < step.quantized.levels.size(); ++level) {
      add_part(total, m, 2, nn::info_nce(step.quantized.levels[level].residual, modals_[m].positives[level], contrast),
               options_.con_weight);
    }
  }

  Tensor ids_as_labels() const {  // every item alone with its label: its own positive
    Tensor labels({static_cast<int64_t>(order_.size())}, tensor::DType::i32);
    for (int64_t i = 0; i < labels.size(); ++i) labels.data<int32_t>()[i] = static_cast<int32_t>(i);
    return labels;
  }

  Var diversity(const Modal& m, const ModalityQuantizer::Step& step, const nn::Context& context) const {
    Var sum;
    for (int64_t level = 0; level < options_.levels; ++level) {
      const quant::QuantizedLevel& each = step.quantized.levels[level];
      const Var term = diversity_loss(each.codewords, each.codes, m.network->quantizer().codebooks()[level],
                                      m.clusters.row_range(level, level + 1),
                                      context.stream(tensor::join("identifiers/diversity/", m.name, "/", level)));
      sum = sum.defined() ? autograd::add(sum, term) : term;
    }
    return autograd::scale(sum, 1.0 / options_.levels);
  }

  void add_parts(Record& record) {
    const double steps = std::ceil(static_cast<double>(order_.size()) / options_.batch);
    const std::vector<double> sums = sums_.to_vector<double>();
    for (size_t m = 0; m < modals_.size(); ++m)
      for (size_t part = 0; part < parts_.size(); ++part) {
        const double sum = sums[m * parts_.size() + part];
        if (sum != 0) record.add(part == 3 ? parts_[part] : modals_[m].name + " " + parts_[part], sum / steps);
      }
    sums_.fill(0);
  }

  // Collision rates of all items, for validate(), and how evenly codes are used; keeps the best weights.
  void measure(Record& record) {
    rates_.clear();
    for (size_t m = 0; m < modals_.size(); ++m) {
      const Modal& modal = modals_[m];
      const Tensor codes = modal.network->quantizer().encode(modal.network->latents(modal.features));
      double perplexity = 0;
      for (const quant::CodeUsage& usage : quant::code_usage(codes, options_.codes)) perplexity += usage.perplexity;
      record.add(modal.name + " perplexity", perplexity / options_.levels);
      rates_.push_back(collision_rate(codes));
      const bool early = static_cast<double>(epoch_ + 1) < options_.keep_from * options_.epochs;
      if (early || rates_[m] > best_.data<double>()[m]) continue;  // equal: the later weights reconstruct better
      best_.data<double>()[m] = rates_[m];
      save(modal);
    }
  }

  Record validate() const {
    double collisions = 0;
    for (double rate : rates_) collisions += rate / static_cast<double>(rates_.size());
    Record record;
    record.add("distinct", 1 - collisions);  // the one to maximise
    for (size_t m = 0; m < modals_.size(); ++m) record.add(modals_[m].name + " collisions", rates_[m]);
    return record;
  }

  void save(const Modal& m) const {
    save_quantizer(request_.run / quantizer_file(m.name), parameters_, m.shape, m.factor,
                   {{"data", fingerprint(request_.dataset)}, {"epoch", std::to_string(epoch_ + 1)}});
  }

  const IdentifierOptions& options_;
  const TrainingRequest& request_;
  nn::Parameters parameters_;
  nn::AdamW optimizer_;
  std::vector<Modal> modals_;
  Tensor cf_;                       // [items, latent]
  std::vector<double> rates_;       // of collisions, as last measured
  std::vector<int32_t> order_;      // of the items in this epoch
  Tensor ids_;                      // i32 [batch], the items of the step
  int64_t epoch_ = -1;
  std::vector<std::string> parts_;  // of the loss
  Tensor sums_;                     // f64 [modalities * parts], of the epoch so far
  Tensor best_;                     // f64 [modalities], lowest collision rates; 2 before the first
  Tensor clustered_;                // i64 [1], the epoch of the codeword clusters
};

}  // namespace

std::string quantizer_file(const std::string& modality) { return "quantizer-" + modality + ".safetensors"; }

const Modality& features_of(const Dataset& dataset, const std::string& name) {
  const auto found = dataset.features.find(name);
  std::string names;
  for (const auto& [each, modality] : dataset.features) names += (names.empty() ? "" : ", ") + each;
  require(Fault::missing_input, found != dataset.features.end(), "identifiers: the data set has no ", name, " features, it has ",
          names.empty() ? "none" : names, "; import them with --features ", name, "=FILE, or name others with --modalities");
  return found->second;
}

void train_quantizers(const IdentifierOptions& options, const TrainingRequest& request) {
  QuantizerTraining(options, request).run();
}

}  // namespace genrec::macrec
