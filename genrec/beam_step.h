// One level of the beam search of beam_search.h with a fixed number of rows ("slots") for every user, of which some may be
// unused: what a device runs without asking the host. The search made of it is beam_slots.h.
#pragma once

#include "genrec/beam_search.h"
#include "tensor/kernel.h"

namespace genrec {

using tensor::Tensor;

// The rows of a level: i32 [SlotField::count, users * width], users in order, best first, unused slots behind them.
struct SlotField {
  enum : int64_t {
    node,    // of the level's depth; -1: unused
    parent,  // row of the level before; also of an unused slot one of its user
    token,   // that led here, to be fed to the decoder; also of an unused slot a valid one
    score,   // the bits of a float, the sum of log-probabilities; -inf: unused
    count
  };
};

struct BeamLevel {
  Tensor child_begins, codes;  // i32: the trie's between this depth and the next one
  Tensor widths;               // i32 [users]: slots that each may use
  Tensor dead_begins, dead;    // i32 [users + 1] and, of each user ascending, nodes of the next depth that are not entered
  int32_t first_token = 0;     // the token of code 0, and its column of the logits
  BeamScore score = BeamScore::full;
};

// Fills `to` with the best children of the rows `from`, as BeamSearch::expand chooses them. logits [rows of from, tokens],
// lse [rows of from].
extern tensor::Kernel<void(const Tensor& logits, const Tensor& lse, const BeamLevel& level, const Tensor& from, Tensor& to)>
    beam_step;

}  // namespace genrec
