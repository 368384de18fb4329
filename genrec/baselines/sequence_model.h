// What the sequential baselines share: a model that reads the items of a user in order and gives a vector after each of them,
// scored against the vectors of the items by inner product. Each file beside this one holds one paper's model.
#pragma once

#include <memory>

#include "nn/context.h"
#include "nn/parameters.h"

namespace genrec::baselines {

using autograd::Var;
using tensor::Tensor;

constexpr double kInitialDeviation = 0.02;  // of the Transformers' weights, normal

enum class SequenceLoss {
  full,    // cross-entropy over all items
  binary,  // log sigmoid of the target and of one random item that the user does not have, as SASRec was published
};

struct SequenceOptions {
  int width = 64;               // D
  int layers = 2;
  int heads = 2;                // not used by gru4rec
  double dropout = 0.2;
  int history = 20;             // most recent items that are read
  double masked = 0.2;          // share of items that bert4rec masks
  SequenceLoss loss = SequenceLoss::full;
  double learning_rate = 1e-3;  // Adam
  int batch = 256;              // sequences
  int epochs = 200;
  int patience = 10;
};

class SequenceModel {
 public:
  virtual ~SequenceModel() = default;
  // Sequences of items, oldest first, at most `history` each: items i32 [tokens], offsets i32 [sequences+1] -> [tokens, K].
  virtual Var states(const Tensor& items, const Tensor& offsets, const nn::Context& context) const = 0;
  // rows of states -> [rows, K], what is multiplied with items().
  virtual Var outputs(const Var& states) const { return states; }
  virtual Var items() const = 0;  // [items, K]
  // The item number that stands for a hidden item, where the model learns to fill in hidden items; -1 where it learns the next.
  virtual int32_t mask() const { return -1; }
  // Whether sequences of other lengths, of as many tokens, take the same kernels.
  virtual bool repeats_kernels() const { return true; }
};

// Each makes its parameters in `parameters`.
using MakeSequenceModel = std::unique_ptr<SequenceModel> (*)(nn::Parameters& parameters, const SequenceOptions& options,
                                                             int64_t items);
std::unique_ptr<SequenceModel> make_sasrec(nn::Parameters& parameters, const SequenceOptions& options, int64_t items);
std::unique_ptr<SequenceModel> make_gru4rec(nn::Parameters& parameters, const SequenceOptions& options, int64_t items);
std::unique_ptr<SequenceModel> make_bert4rec(nn::Parameters& parameters, const SequenceOptions& options, int64_t items);

}  // namespace genrec::baselines
