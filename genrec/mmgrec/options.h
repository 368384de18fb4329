// Every choice of MMGRec, with its default (profile `ours`).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace genrec {
class OptionTable;
}

namespace genrec::mmgrec {

// Stage one, first part: the graph convolution over users and items (paper section 3.2, Eqs. 4-5 and the first line of Eq. 10).
struct GraphOptions {
  int width = 64;                 // D, of the final user and item vectors
  std::string feature_scaling = "standardize";  // or "none"
  bool free_item_vector = true;   // H_c beside the projected features (Eq. 4)
  bool last_activation = false;   // LeakyReLU after the second layer too
  bool neighbour_bias = true;
  double dropout1 = 0.5, dropout2 = 0.2;
  std::string optimizer = "adam";
  double learning_rate = 1e-3;
  double weight_decay = 1e-6;     // coupled L2
  int batch = 3000;               // (user, item, negative) triples in a step
  int negatives = 5;              // per positive
  bool resample_negatives = true; // every epoch
  int epochs = 60;                // e1, in each round
  int patience = 10;              // validations without a better Recall before the phase ends; 0: off
};

// Stage one, second part: the residual quantiser (Eqs. 6-9, second line of Eq. 10).
struct QuantizerOptions {
  std::string input = "graph";    // h_i, or "features": the raw features ("ID w/o")
  std::string method = "rqvae";   // or "hkmeans": top-down hierarchical k-means
  int hidden = 32, latent = 16;   // D-hidden-latent
  int levels = 3, codes = 128;
  double beta = 0.25;             // commitment
  std::string residual_grad = "detach";
  std::string codebook_init = "kmeans";
  bool revive_dead_codes = true;
  double learning_rate = 1e-3;
  double weight_decay = 1e-4;     // coupled L2
  int batch = 1024;
  int epochs = 500;               // e2, in each round
};

// Stage two: the relation-aware Transformer (Eqs. 14-19).
struct TransformerOptions {
  int layers = 2, heads = 4;      // each head is `width` wide
  int feed_forward = 64;
  double dropout = 0.2;
  int history = 32;               // N
  std::string position = "relation"; // "relation", "default" (sinusoids), "none"
  std::string item_vectors = "frozen"; // "frozen": h_item; "tuned": trained on from it; "free": from scratch ("Emb w/o")
  // What the relation-aware attention knows of the user: h_u of the graph, or the mean of the item vectors of the history. h_u was
  // trained to point at every training item, so it gives the target away in training and not in use.
  std::string user_vectors = "graph";  // or "history"
  std::string vocabulary = "disjoint"; // or "shared"
  std::string softmax = "trie";        // over the children of the trie node, or "full": over the whole vocabulary
  bool norm_affine = true;
  bool exclude_target = true;     // from the encoder's input
  bool resample_history = true;   // the subset of long histories, every epoch
  std::string history_length = "all"; // or "random": uniform in 1 .. what there is, so that short histories are learnt too
  int samples_per_user = 0;       // at most so many targets of a user in an epoch, drawn anew; 0: all of them
  std::string optimizer = "sgd";
  double learning_rate = 1e-3;
  std::string schedule = "constant";  // of the learning rate over the planned epochs: "cosine", "linear"
  double momentum = 0.99;
  double weight_decay = 1e-5;     // coupled
  double clip = 1.0;              // global gradient norm; 0: off
  int batch = 3000;
  int epochs = 1000;
  int patience = 20;              // validations without a better Recall@10; 0: off
  int validate_every = 1;         // epochs
};

struct Options {
  std::string profile = "ours";
  std::string preset = "default";
  std::string variant = "full";
  int rounds = 1;                 // of the two phases of stage one
  std::string last_token = "popularity";  // or "random"
  GraphOptions graph;
  QuantizerOptions quantizer;
  TransformerOptions transformer;
  int validation_k = 10;
  std::string validation_metric = "recall";  // or "ndcg": what early stopping of the Transformer goes by
  std::string exclude_seen = "trie";  // "leaf", "none"
  std::string score = "renorm";       // or "full"
};

// Profiles, presets and variants are bundles of settings: see options.cpp.
void describe(OptionTable& table, Options& options);
}  // namespace genrec::mmgrec
