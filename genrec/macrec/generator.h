// The losses of the generator: a T5 that reads one language of identifiers and says another.
#pragma once

#include "genrec/macrec/batches.h"
#include "genrec/macrec/generator_options.h"
#include "nn/t5.h"

namespace genrec::macrec {

using autograd::Var;

nn::T5 make_transformer(nn::Parameters& parameters, const GeneratorOptions& options, const TokenLayout& layout);

// Mean token cross-entropy over all targets of the batch, END included.
Var sequence_loss(const nn::T5& transformer, const Batch& batch, const nn::Context& context);

// Implicit alignment (section 3.3): e_t and e_v are the means of the encoder's output over the textual and over the visual
// identifier of an item (with END), at length 1. InfoNCE both ways: mean over the rows and over the columns of
// CE(e_t e_v^T / temperature, diagonal). items: distinct, at least 2.
Var alignment_loss(const nn::T5& transformer, std::span<const int32_t> items, const ItemTokens& tokens, double temperature,
                   nn::Context context);

// The loss of one step, as parts small enough to be forwarded one by one; gradients add up to those of the whole: the mean token
// cross-entropy over all its sequences, plus the weighted implicit alignment, which is a part of its own, the last.
class StepLoss {
 public:
  StepLoss(const nn::T5& transformer, const ItemTokens& tokens, const GeneratorOptions& options)
      : transformer_(transformer), tokens_(tokens), options_(options) {}

  struct Step {
    std::vector<Batch> batches;    // micro-batches
    std::vector<double> shares;    // [batches] of the step's targets
    std::vector<int32_t> aligned;  // distinct items; with fewer than 2 there is no such part
  };
  Step prepare(std::span<const Sample> samples, std::vector<int32_t> aligned) const;
  int64_t begin(Step step);  // returns the number of parts
  Var part(int64_t number, const nn::Context& context) const;

 private:
  const nn::T5& transformer_;
  const ItemTokens& tokens_;
  GeneratorOptions options_;
  Step step_;
};

}  // namespace genrec::macrec
