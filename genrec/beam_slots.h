// BeamSearch for a model on a device: its levels are chosen there (beam_step.h), in a fixed number of rows per user; the
// host sends what the search needs before the first level and takes back what was found after the last one. The same lists
// as BeamSearch::expand gives, in the same order.
//
//   search.start(users, excluded);
//   BeamSlots slots(search, start_token);
//   slots.begin(slots.input().to(device));
//   while (!slots.done()) slots.expand(model(slots.tokens(), slots.parents(), slots.row_user()), first_token);
//   search.adopt(slots.found().to(Device::cpu));
//   Ranking ranking = search.ranking();
#pragma once

#include <utility>

#include "genrec/beam_step.h"
#include "nn/decode_state.h"

namespace genrec {

class BeamSlots {
 public:
  BeamSlots(const BeamSearch& search, int32_t start_token);  // keeps a reference; the search has been started

  // What the kernels need to know of the search, i32 on the CPU. Searches of as many users, as wide, have inputs of a few sizes only:
  // room for the nodes that are not entered comes in powers of two.
  const Tensor& input() const { return input_; }
  void begin(const Tensor& input);  // its copy on the device
  int64_t width() const { return width_; }

  bool done() const { return level_ == search_.trie().levels(); }
  int level() const { return level_; }

  // Of every row, i32, on the device: the token to feed, the row it goes on from, its user. Unused rows have valid ones.
  Tensor tokens() const { return field(SlotField::token); }
  Tensor parents() const { return field(SlotField::parent); }
  const Tensor& row_user() const { return level_ == 0 ? users_ : slot_users_; }

  void expand(const nn::NextTokenScores& scores, int32_t first_token);  // the token of code 0 of this level
  const Tensor& found() const { return found_; }                        // after the last level, for BeamSearch::adopt()

 private:
  Tensor field(int64_t index) const;

  using Range = std::pair<int64_t, int64_t>;

  const BeamSearch& search_;
  int level_ = 0;
  int64_t width_ = 0;
  Tensor input_;
  Range users_at_, slot_users_at_, first_at_, dead_begins_at_, dead_at_;  // behind the widths
  Tensor widths_, users_, slot_users_;         // i32 [users], [users], [users * width]
  Tensor dead_begins_, dead_;                  // i32 [levels * users + 1], ascending nodes per level and user
  Tensor first_;                               // the slots of level 0
  Tensor found_;                               // i32 [levels, SlotField::count * users * width]
};

}  // namespace genrec
