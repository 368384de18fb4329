// Item features and training interactions of a data set in the form that models take them; features on the default device.
#pragma once

#include "genrec/data/dataset.h"
#include "graph/bipartite.h"

namespace genrec {

enum class FeatureScaling {
  none,         // as they were imported
  standardize,  // every column to mean 0 and variance 1 / (sum of widths): rows of length about 1, no modality dominates
};

// All dense features side by side, [items, sum of widths]; modalities in order of name. Word lists are not part of it.
// Undefined when there are none.
tensor::Tensor concatenated_features(const Dataset& dataset, FeatureScaling scaling = FeatureScaling::standardize);

// One modality, [items, width], scaled on its own.
tensor::Tensor scaled_features(const Modality& modality, FeatureScaling scaling = FeatureScaling::standardize);

// The graph of training interactions over users, then items.
graph::SparseMatrix interaction_matrix(const Dataset& dataset, graph::Normalisation normalisation);

}  // namespace genrec
