// Every choice of the identifier stage: from item features to code tuples (MACRec, and as special cases MQL4GRec, TIGER,
// LETTER), with the defaults of MACRec's profile `ours`.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace genrec {
class OptionTable;
}

namespace genrec::macrec {

struct IdentifierOptions {
  std::vector<std::string> modalities{"textual", "visual"};  // each gets identifiers of its own

  // Clusters of the raw features of one modality: what makes items a positive pair in the other modality's contrast.
  int pseudo_labels = 512;  // fewer when there are fewer than four items for each: items / 12
  int pseudo_restarts = 10, pseudo_iterations = 300;

  // Per modality: adapter in, encoder chain down to the latent vector, residual quantiser, mirrored decoder, adapter out.
  std::string input = "unit";    // all features of a modality times one factor, so that their mean square is 1; or "raw"
  int adapter = 768;             // width; 0: none
  std::vector<int> chain{2048, 1024, 512, 256, 128, 64};
  int latent = 32;               // width of the codewords
  int levels = 4, codes = 256;
  double commitment = 0.25;      // alpha
  bool level_mean = true;        // the quantiser's losses are the mean over the levels, not their sum
  std::string residual_grad = "detach";
  std::string codebook_init = "items";  // k-means of all items; "batch": of the first batch; "balanced": clusters of one size

  // Contrast across modalities, per level from con_level on; alignment of the two quantised vectors.
  double con_weight = 0.1;       // lambda_con; 0: none
  int con_level = 2;
  double con_attract = 0.05;     // rho; 1 is the paper's formula
  double temperature = 0.1;
  double con_floor = 1e-3;       // shortest length that is normalised, relative to the latent vectors' root mean square length
  std::string no_pos = "self";   // an anchor without another item of its label: itself, or "skip"
  double align_weight = 1e-3;    // lambda_align
  std::string align_grad = "encoder";  // or "codebook"

  // LETTER: collaborative vectors that the quantised ones shall resemble, and codebooks used evenly.
  double cf_weight = 0;
  std::string cf_vectors;        // .npy [items, latent]; "": item vectors of a LightGCN trained here
  double diversity_weight = 0;
  int diversity_clusters = 10;

  // Balanced assignment at the last level, in training only. 0: nearest codes.
  double sinkhorn_epsilon = 0;
  int sinkhorn_iterations = 50;

  double learning_rate = 1e-3, weight_decay = 1e-4;  // AdamW
  double clip = 1;               // global gradient norm; 0: off
  int batch = 1024, epochs = 1000;
  int eval_every = 2;            // epochs; the weights of the lowest collision rate are kept, for each modality its own
  // Share of the epochs before which no weights are kept: codebooks fresh from k-means tell items apart that nothing is
  // reconstructed from yet.
  double keep_from = 0.5;

  std::string collisions = "reassign";  // "sinkhorn" (LETTER), "index" (a further code, original TIGER), "keep"
  bool exact_distances = false;  // of reassignment
};

// "macrec", "mql4grec", "tiger", "letter".
IdentifierOptions identifier_defaults(const std::string& model);

void describe(OptionTable& table, IdentifierOptions& options);

// What bundles of a system's own table stand for, on top of identifier_defaults(model).
using Settings = std::vector<std::pair<std::string, std::string>>;
Settings identifier_profile(const std::string& profile);                          // "paper", "release"; "ours": none
Settings identifier_preset(const std::string& preset, const std::string& model);  // "tiny"; "default": none
Settings identifier_variant(const std::string& variant);                          // "no_con", "no_align"; others: none

}  // namespace genrec::macrec
