// A decoding under way: what a Transformer's decoder keeps of the steps so far, while beams are born, continued and dropped.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace nn {

struct DecodeState {
  std::vector<std::vector<tensor::Tensor>> cache;  // per layer, per step: [rows, q|k|v] of the rows alive then
  std::vector<int32_t> ancestors;                  // [rows, steps]: the row of each step that a row of the last descends from
  int steps = 0;

  // Begins the next step: row r goes on from row parents[r] of the step before (unused in the first one). Returns the table
  // of ancestors, i32 [rows, steps], whose last column is the step begun.
  tensor::Tensor advance(int64_t rows, const std::vector<int32_t>& parents);
};

// What a decoder says about the next token of every row: its log-probability is logits - lse.
struct NextTokenScores {
  tensor::Tensor logits;   // f32 [rows, vocabulary], on the CPU
  std::vector<float> lse;  // [rows] log sum exp over the whole vocabulary
};
NextTokenScores next_token_scores(const tensor::Tensor& logits);

}  // namespace nn
