// Stage ids: pseudo-labels, the residual quantisers of all modalities trained together, their codes, and what becomes of
// items with equal codes. Reads the features of the data set, writes into the run folder
//   pseudo-labels.safetensors       the clusters, where the contrast needs them
//   quantizers.safetensors          the training (resumable)
//   quantizer-MODALITY.safetensors  the weights of the lowest collision rate: what later encodes new items
//   identifiers-MODALITY.tsv        the identifiers (write_identifiers)
#pragma once

#include "genrec/macrec/identifier_options.h"
#include "genrec/system.h"

namespace genrec::macrec {

void run_identifier_stage(const IdentifierOptions& options, const TrainingRequest& request);

std::string identifier_file(const std::string& modality);  // "identifiers-textual.tsv"

// One entry, for a dry run.
Plan::Stage plan_identifier_stage(const IdentifierOptions& options, const Dataset& dataset);

}  // namespace genrec::macrec
