// Trains the residual quantisers of all modalities together: reconstruction, quantisation, contrast across modalities (MACRec),
// collaborative and diversity losses (LETTER). What is then done with the codes: identifier_stage.h.
#pragma once

#include "genrec/macrec/identifier_options.h"
#include "genrec/system.h"

namespace genrec::macrec {

// Leaves quantizer-MODALITY.safetensors in the run folder, the weights of the lowest collision rate of each modality. Resumes.
void train_quantizers(const IdentifierOptions& options, const TrainingRequest& request);

std::string quantizer_file(const std::string& modality);  // "quantizer-textual.safetensors"

// The features of that name; an Error that says which there are.
const Modality& features_of(const Dataset& dataset, const std::string& name);

}  // namespace genrec::macrec
