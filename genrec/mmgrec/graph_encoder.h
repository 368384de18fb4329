// The graph side of Graph RQ-VAE: items start as projected multimodal features beside a free vector (Eq. 4), two mean graph
// convolutions mix users and items (Eq. 5), and BPR makes their inner products predict training interactions (Eq. 10, line 1).
#pragma once

#include "genrec/data/dataset.h"
#include "genrec/mmgrec/options.h"
#include "genrec/triples.h"
#include "graph/bipartite.h"
#include "graph/gcn_layer.h"
#include "nn/context.h"
#include "nn/parameters.h"

namespace genrec::mmgrec {

using autograd::Var;
using tensor::Tensor;

struct Representations {
  Tensor users;  // [users, D]
  Tensor items;  // [items, D]
};

class GraphEncoder {
 public:
  GraphEncoder(nn::Parameters& parameters, const GraphOptions& options, const Dataset& dataset);

  // [users + items, D]: users first.
  Var forward(const nn::Context& context) const;
  // Mean over triples of softplus(-(h_u . h_i - h_u . h_j)).
  Var bpr(const Var& nodes, const TripleBatch& batch) const;
  Representations representations() const;  // without dropout

 private:
  Var item_inputs() const;  // H_item^0 [items, 2D]

  GraphOptions options_;
  int64_t users_, items_;
  graph::SparseMatrix matrix_;     // Abar
  Tensor features_;                // [items, F], undefined when there are only word lists
  struct Words {
    Tensor ids, offsets;           // i32
    Var table;                     // [vocabulary, kWordWidth]
    Var projection;                // [kWordWidth, D]
  };
  std::vector<Words> words_;
  Var projection_;                 // W [F, D or 2D]
  Var free_items_;                 // H_c [items, D]
  Var user_inputs_;                // [users, 2D]
  std::vector<graph::GcnLayer> layers_;
};

}  // namespace genrec::mmgrec
