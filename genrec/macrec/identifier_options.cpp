#include "genrec/macrec/identifier_options.h"

#include "genrec/options.h"

namespace genrec::macrec {

namespace {

void describe_network(OptionTable& table, IdentifierOptions& o) {
  table.group("Stage ids: residual quantisers of the item features");
  table.add("modalities", o.modalities, "features of the data set; each gives identifiers of its own").distinct();
  table.add("rq-input", o.input, "features as they are, or times one factor, so that their mean square is 1")
      .choices({"raw", "unit"});
  table.add("rq-adapter", o.adapter, "width of the linear maps before the encoder and after the decoder; 0 for none")
      .range(0, 65536);
  table.add("rq-chain", o.chain, "hidden widths of the encoder; the decoder has them the other way round").range(1, 65536);
  table.add("rq-latent", o.latent, "width of the codewords").range(1, 4096);
  table.add("levels", o.levels, "codes of an identifier").range(1, 16);
  table.add("codes", o.codes, "codewords per level").range(2, 65536);
  table.add("commitment", o.commitment, "weight of the commitment loss").range(0, 100);
  table.add("level-mean", o.level_mean, "average the quantiser's losses over the levels instead of adding them");
  table.add("residual-grad", o.residual_grad, "how the gradient passes from level to level")
      .choices({"detach", "full", "straight_through"});
  table.add("codebook-init", o.codebook_init,
            "start of the codebooks: k-means of all items, of the first batch, or in clusters of one size")
      .choices({"items", "batch", "balanced"});
}

void describe_losses(OptionTable& table, IdentifierOptions& o) {
  table.group("Stage ids: losses across modalities");
  table.add("con-weight", o.con_weight,
            "weight of the contrastive loss at each of its levels; 0 turns it off").range(0, 1e6);
  table.add("con-level", o.con_level, "first level, from 0, that has the contrastive loss").range(0, 16);
  table.add("con-attract", o.con_attract,
            "pull towards items of the same pseudo-label; 1 is InfoNCE, 0 only pushes apart").range(0, 1);
  table.add("temperature", o.temperature, "by which cosines are divided").range(1e-6, 1e6);
  table.add("con-floor", o.con_floor,
            "shortest residual that is scaled to length 1, relative to the latent vectors").range(1e-12, 1e6);
  table.add("no-pos", o.no_pos, "an item that is alone with its label in the batch: its own positive, or left out")
      .choices({"self", "skip"});
  table.add("align-weight", o.align_weight,
            "weight of the alignment of two modalities' quantised vectors; 0 turns it off").range(0, 1e6);
  table.add("align-grad", o.align_grad, "what the alignment trains").choices({"encoder", "codebook"});
  table.add("pseudo-labels", o.pseudo_labels, "clusters of a modality's features that make pseudo-labels").range(2, 1e6);
  table.add("pseudo-restarts", o.pseudo_restarts, "runs of k-means, of which the best counts").range(1, 1000);
  table.add("pseudo-iterations", o.pseudo_iterations, "most iterations of k-means").range(1, 1e6);
  table.group("Stage ids: LETTER's losses, Sinkhorn");
  table.add("cf-weight", o.cf_weight, "weight of the likeness to collaborative vectors; 0 turns it off").range(0, 1e6);
  table.add("cf-vectors", o.cf_vectors,
            ".npy of collaborative vectors, a row per item in the data set's order; empty: train a LightGCN")
      .value_name("FILE");
  table.add("diversity-weight", o.diversity_weight, "weight of the even use of codewords; 0 turns it off").range(0, 1e6);
  table.add("diversity-clusters", o.diversity_clusters, "clusters of codewords, equally large").range(1, 65536);
  table.add("sinkhorn-epsilon", o.sinkhorn_epsilon,
            "entropy of a balanced assignment at the last level in training; 0 takes the nearest codes")
      .range(0, 1e6);
  table.add("sinkhorn-iterations", o.sinkhorn_iterations, "scalings of rows and columns").range(1, 1e6);
}

}  // namespace

IdentifierOptions identifier_defaults(const std::string& model) {
  IdentifierOptions o;
  if (model == "macrec") return o;
  o.adapter = 0;
  o.con_weight = 0, o.align_weight = 0;
  o.clip = 0;
  if (model == "mql4grec") {
    o.sinkhorn_epsilon = 0.003;
    o.batch = 2048, o.epochs = 500;
    return o;
  }
  o.modalities = {"textual"};
  if (model == "tiger") return o;
  tensor::check(model == "letter", "identifiers of the model '", model, "'");
  o.cf_weight = 0.01, o.diversity_weight = 1e-4;
  o.sinkhorn_epsilon = 0.003;
  o.codebook_init = "balanced";
  o.collisions = "sinkhorn";
  return o;  // published with 20,000 epochs; what 1,000 leave is for the user to see in metrics.jsonl
}

void describe(OptionTable& table, IdentifierOptions& o) {
  describe_network(table, o);
  describe_losses(table, o);
  table.group("Stage ids: training, collisions");
  table.add("rq-learning-rate", o.learning_rate, "learning rate of the quantisers (AdamW)").range(0, 10);
  table.add("rq-weight-decay", o.weight_decay, "decoupled weight decay of the quantisers").range(0, 1);
  table.add("rq-clip", o.clip, "largest norm of the whole gradient; 0 turns it off").range(0, 1e9);
  table.add("rq-batch", o.batch, "items in a step").range(1, 1 << 24);
  table.add("rq-epochs", o.epochs, "epochs of the quantisers").range(0, 1e6);
  table.add("rq-eval-every", o.eval_every,
            "epochs between two measurements of the collision rate; the best weights are kept")
      .range(1, 1e6);
  table.add("rq-keep-from", o.keep_from, "share of the epochs after which weights are worth keeping").range(0, 1);
  table.add("collisions", o.collisions, "items of equal codes: move to near codes, share by Sinkhorn, number them, or keep")
      .choices({"reassign", "sinkhorn", "index", "keep"});
  table.add("exact-distances", o.exact_distances, "measure the last level anew when reassignment changes the one before");
}

Settings identifier_profile(const std::string& profile) {
  // The formulas as printed: full attraction, losses added over the levels, no adapters, nothing against tiny residuals.
  if (profile == "paper") {
    return {{"con-attract", "1"}, {"con-floor", "1e-6"}, {"rq-clip", "0"}, {"level-mean", "false"}, {"rq-adapter", "0"},
            {"rq-input", "raw"}};
  }
  // The authors' code: every positive is the item itself, weight 1 inside a mean of four levels, and no gradient from the
  // levels after the first.
  if (profile == "release") {
    return {{"con-attract", "0"}, {"con-weight", "0.25"}, {"con-level", "0"}, {"con-floor", "1e-6"},
            {"residual-grad", "straight_through"}, {"codebook-init", "batch"}, {"rq-clip", "0"}, {"rq-batch", "2048"},
            {"rq-input", "raw"}, {"rq-keep-from", "0"}};
  }
  return {};
}

Settings identifier_preset(const std::string& preset, const std::string& model) {
  if (preset != "tiny") return {};
  Settings settings = {{"rq-chain", "64,32"}, {"rq-latent", "16"}, {"levels", "3"}, {"codes", "32"}, {"pseudo-labels", "24"},
                       {"pseudo-restarts", "3"}, {"rq-batch", "256"}, {"rq-epochs", "100"}};
  if (identifier_defaults(model).adapter > 0) settings.push_back({"rq-adapter", "32"});
  if (identifier_defaults(model).con_weight > 0) settings.push_back({"con-level", "1"});
  return settings;
}

Settings identifier_variant(const std::string& variant) {
  if (variant == "no_con") return {{"con-weight", "0"}};
  if (variant == "no_align") return {{"align-weight", "0"}};
  return {};
}

}  // namespace genrec::macrec
