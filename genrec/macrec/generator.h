// The losses of the generator: a T5 that reads one language of identifiers and says another.
#pragma once

#include "autograd/ops/candidate_cross_entropy.h"
#include "genrec/macrec/batches.h"
#include "genrec/macrec/generator_options.h"
#include "genrec/step_inputs.h"
#include "nn/t5.h"

namespace genrec::macrec {

using autograd::Var;

nn::T5 make_transformer(nn::Parameters& parameters, const GeneratorOptions& options, const TokenLayout& layout);

// Mean token cross-entropy over all targets of the batch, END included.
Var sequence_loss(const nn::T5& transformer, const Batch& batch, const nn::Context& context);

// Items to align, distinct, at least 2. For a GPU they are followed by others, up to one of few sizes, which count for nothing.
struct Alignment {
  Tensor sources;                      // i32 [T] the textual and the visual identifier of each item
  Tensor offsets;                      // i32 [2n+1]
  Tensor targets;                      // i32 [n]: the item of each row; -1 for those that do not count
  Tensor lists;                        // i32 [n] 0: all choose among the items that count,
  autograd::CandidateLists candidates; // where there are others; else undefined
  int64_t items() const { return targets.size(); }
};
Alignment align_items(std::vector<int32_t> items, const ItemTokens& tokens);

// Implicit alignment (section 3.3): e_t and e_v are the means of the encoder's output over the textual and over the visual
// identifier of an item (with END), at length 1. InfoNCE both ways: mean over the rows and over the columns of
// CE(e_t e_v^T / temperature, diagonal).
Var alignment_loss(const nn::T5& transformer, const Alignment& alignment, double temperature, nn::Context context);

// The loss of one step, as parts small enough to be forwarded one by one; gradients add up to those of the whole: the mean token
// cross-entropy over all its sequences, plus the weighted implicit alignment, which is a part of its own, the last.
class StepLoss {
 public:
  StepLoss(const nn::T5& transformer, const ItemTokens& tokens, const GeneratorOptions& options)
      : transformer_(transformer), tokens_(tokens), options_(options) {}

  struct Step {
    std::vector<Batch> batches;  // micro-batches
    std::vector<double> shares;  // [batches] of the step's targets
    Alignment alignment;         // undefined: there is no such part
  };
  Step prepare(std::span<const Sample> samples, const std::vector<int32_t>& aligned) const;  // aligned: distinct items
  StepInputs begin(Step step);
  int64_t parts() const { return std::ssize(step_.batches) + (step_.alignment.targets.defined() ? 1 : 0); }
  Var part(int64_t number, const nn::Context& context) const;

 private:
  const nn::T5& transformer_;
  const ItemTokens& tokens_;
  GeneratorOptions options_;
  Step step_;
};

}  // namespace genrec::macrec
