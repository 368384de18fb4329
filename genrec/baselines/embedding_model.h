// What the collaborative baselines share: a model that gives every user and every item a vector, scored by inner product and
// trained by BPR. Each file beside this one holds one paper's vectors.
#pragma once

#include <memory>

#include "genrec/data/dataset.h"
#include "nn/context.h"
#include "nn/parameters.h"

namespace genrec::baselines {

using autograd::Var;
using tensor::Tensor;

struct EmbeddingOptions {
  int width = 64;               // D
  int layers = 2;               // of propagation; not used by mf and vbpr
  double dropout = 0.1;         // of propagated messages: ngcf, graphsage, mmgcn
  double learning_rate = 1e-3;  // Adam
  double l2 = 1e-4;             // times half the squared norms of a triple's own vectors, mean over the batch
  int batch = 2048;
  int negatives = 1;            // per positive, drawn anew every epoch
  int epochs = 300;
  int patience = 20;
  int validation_k = 20;
};

struct Embeddings {
  Var users;  // [users, K]
  Var items;  // [items, K]
};

class EmbeddingModel {
 public:
  virtual ~EmbeddingModel() = default;
  virtual Embeddings forward(const nn::Context& context) const = 0;
  virtual Embeddings own() const = 0;  // the vectors that the penalty shrinks: those before propagation
};

// Each makes its parameters in `parameters`.
std::unique_ptr<EmbeddingModel> make_mf(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset);
std::unique_ptr<EmbeddingModel> make_vbpr(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset);
std::unique_ptr<EmbeddingModel> make_lightgcn(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset);
std::unique_ptr<EmbeddingModel> make_ngcf(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset);
std::unique_ptr<EmbeddingModel> make_graphsage(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset);
std::unique_ptr<EmbeddingModel> make_mmgcn(nn::Parameters& parameters, const EmbeddingOptions& options, const Dataset& dataset);

}  // namespace genrec::baselines
