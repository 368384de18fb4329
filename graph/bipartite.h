// The graph of users and items that training interactions span, as one symmetric matrix over both kinds of nodes.
#pragma once

#include "graph/csr.h"

namespace graph {

// Weight of the edge from node a to node b, with d the number of neighbours (self loop included):
//   none        1
//   mean        1 / d_a                 row means; a node without neighbours has an empty row (Abar of MMGRec, Eq. 5)
//   symmetric   1 / sqrt(d_a d_b)       LightGCN, NGCF
enum class Normalisation { none, mean, symmetric };

// [users + items, users + items]: nodes are users first, then items. `edges` are (user, item); repeated ones count once.
// Matrix and transpose share one pattern; for all but `mean` they are the same matrix.
SparseMatrix bipartite_matrix(int64_t users, int64_t items, std::span<const Pair> edges, Normalisation normalisation,
                              bool self_loops = false);

}  // namespace graph
