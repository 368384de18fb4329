// BeamSearch for a model on a device: its levels are chosen there (beam_step.h), in a fixed number of rows per user; the
// host sends what the search needs before the first level and takes back what was found after the last one. The same lists
// as BeamSearch::expand gives, in the same order.
//
//   search.start(users, excluded);
//   BeamSlots slots(search, start_token, device);
//   while (!slots.done()) slots.expand(model(slots.tokens(), slots.parents(), slots.row_user()), first_token);
//   slots.finish();
//   Ranking ranking = search.ranking();
#pragma once

#include "genrec/beam_step.h"
#include "nn/decode_state.h"

namespace genrec {

class BeamSlots {
 public:
  BeamSlots(BeamSearch& search, int32_t start_token, tensor::Device device);  // keeps a reference; the search has been started

  bool done() const { return level_ == search_.trie().levels(); }
  int level() const { return level_; }

  // Of every row, i32, on the device: the token to feed, the row it goes on from, its user. Unused rows have valid ones.
  Tensor tokens() const { return field(SlotField::token); }
  Tensor parents() const { return field(SlotField::parent); }
  const Tensor& row_user() const { return level_ == 0 ? users_ : slot_users_; }

  void expand(const nn::NextTokenScores& scores, int32_t first_token);  // the token of code 0 of this level
  void finish();                                                        // after the last level; waits for the device

 private:
  Tensor field(int64_t index) const;

  BeamSearch& search_;
  int level_ = 0;
  int64_t width_ = 0;
  Tensor widths_, users_, slot_users_;         // i32 [users], [users], [users * width]
  Tensor dead_begins_, dead_;                  // i32 [levels * users + 1], ascending nodes per level and user
  Tensor first_;                               // the slots of level 0
  Tensor found_;                               // i32 [levels, SlotField::count * users * width]
};

}  // namespace genrec
