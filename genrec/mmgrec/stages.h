// The stages of MMGRec. Each reads files of the run folder and writes files into it, so that each can run on its own:
//   graph      -> graph.safetensors, quantizer.safetensors, representations.safetensors (users, items, codes)
//   assign     representations.safetensors -> identifiers.tsv
//   recommend  representations.safetensors, identifiers.tsv -> recommend.safetensors
#pragma once

#include "genrec/identifiers.h"
#include "genrec/mmgrec/graph_encoder.h"
#include "genrec/mmgrec/inference.h"
#include "genrec/mmgrec/options.h"
#include "genrec/system.h"

namespace genrec::mmgrec {

void run_graph_stage(const Options& options, const TrainingRequest& request);
void run_assign_stage(const Options& options, const TrainingRequest& request);
void run_recommend_stage(const Options& options, const TrainingRequest& request);

// What the Transformer is built from, as it stands in the run folder.
struct Stored {
  Tensor users, items;           // [users, D], [items, D]
  ItemIdentifiers identifiers;
  Vocabulary vocabulary;
};
Stored load_stored(const Options& options, const Dataset& dataset, const RunFolder& run);
std::unique_ptr<Recommender> make_recommender(nn::Parameters& parameters, const Options& options, const Stored& stored);
InferenceOptions inference_options(const Options& options, int k, uint64_t seed);

}  // namespace genrec::mmgrec
