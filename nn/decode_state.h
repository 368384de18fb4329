// A decoding under way: what a Transformer's decoder keeps of the steps so far, while beams are born, continued and dropped.
#pragma once

#include <vector>

#include "tensor/kernel.h"

namespace nn {

struct DecodeState {
  std::vector<std::vector<tensor::Tensor>> cache;  // per layer, per step: [rows, q|k|v] of the rows alive then
  tensor::Tensor ancestors;                        // i32 [rows, steps]: the row of each step that a row of the last descends from
  int steps = 0;

  // Begins the next step: token r, i32 [rows], is fed to row r, which goes on from row parents[r] of the step before (unused
  // in the first one). The table of ancestors lives where the tokens do; parents on the CPU are checked.
  void advance(const tensor::Tensor& tokens, const tensor::Tensor& parents);
};

// What a decoder says about the next token of every row: its log-probability is logits - lse. Both live where the model does.
struct NextTokenScores {
  tensor::Tensor logits;  // f32 [rows, vocabulary]
  tensor::Tensor lse;     // f32 [rows], log sum exp over the whole vocabulary
};
NextTokenScores next_token_scores(const tensor::Tensor& logits);

namespace decode_state_kernels {
// next[r] = before[parents[r]], then r; `before` is undefined in the first step.
extern tensor::Kernel<void(const tensor::Tensor& before, const tensor::Tensor& parents, tensor::Tensor& next)> ancestors;
extern tensor::Kernel<void(const tensor::Tensor& logits, tensor::Tensor& lse)> log_sum_exp;
}  // namespace decode_state_kernels

}  // namespace nn
