// Data with a planted structure, so that learning can be judged: what generated them is known, and so is the score of
// recommending by it, which no model can beat but by luck.
//
// Items lie in clusters of two levels. Each view (visual, acoustic, textual) shows an item's latent vector (cluster +
// subcluster + its own) through a random projection, plus noise that the views share in part. A user prefers a few
// subclusters; within one, items are drawn by a Zipf popularity. In the ordered form the next item also depends on the last:
// every subcluster has a successor.
#pragma once

#include <optional>
#include <string>

#include "genrec/data/dataset.h"

namespace genrec {

struct SynthOptions {
  int users = 200;
  int items = 300;
  bool ordered = false;         // with times and leave-one-out; else without order and 80/10/10
  uint64_t seed = 1;
  int clusters = 6;             // of the upper level
  int subclusters = 4;          // in each of them
  int user_subclusters = 3;     // a user's preferred ones, at most
  int min_interactions = 12;    // per user
  int max_interactions = 28;
  double zipf = 0.7;            // popularity of the r-th item is r^-zipf
  double stray = 0.08;          // probability of an interaction outside of the preferences, by popularity
  double follow = 0.6;          // ordered: probability that the successor of the last item's subcluster decides
  int visual_dim = 32;          // 0: no such view
  int acoustic_dim = 16;
  int textual_dim = 16;
  double noise = 0.5;           // of the views; the clusters' vectors have unit variance
  double shared_noise = 0.5;    // part of the noise's variance that all views of an item have in common
  bool words = false;           // the textual view as word lists instead
};

SynthOptions synth_preset(const std::string& name);  // "tiny" (the defaults) or "small"; Error(usage) for another

// Mean Recall@10 and NDCG@10 over the users with held-out items, seen items removed.
struct HeldOutScore {
  double recall = 0, ndcg = 0;
};
struct SynthScores {
  HeldOutScore valid, test;
};

struct SynthResult {
  Dataset dataset;
  SynthScores oracle;      // ranking by the generating probability
  SynthScores popularity;  // ranking by the number of training interactions
};

SynthResult make_synthetic(const SynthOptions& options);

// The data set as a folder, with the scores in oracle.json beside it.
void save_synthetic(const SynthResult& result, const std::string& folder);

// What a folder's oracle.json says; empty when it has none.
struct SavedScores {
  SynthScores oracle, popularity;
  std::string fingerprint;  // of the data that they belong to
};
std::optional<SavedScores> load_oracle(const std::string& folder);

}  // namespace genrec
