// Item features and training interactions of a data set in the form that models take them.
#pragma once

#include "genrec/data/dataset.h"
#include "graph/bipartite.h"

namespace genrec {

// All dense features side by side, [items, sum of widths]; modalities in order of name. Word lists are not part of it.
// Undefined when there are none.
tensor::Tensor concatenated_features(const Dataset& dataset);

// The graph of training interactions over users, then items.
graph::SparseMatrix interaction_matrix(const Dataset& dataset, graph::Normalisation normalisation);

}  // namespace genrec
