#include "genrec/beam_slots.h"

#include <algorithm>
#include <bit>

namespace genrec {

BeamSlots::BeamSlots(const BeamSearch& search, int32_t start_token) : search_(search) {
  constexpr size_t kDeadNodes = 64;  // room for at least so many
  const auto users = static_cast<int64_t>(search.widths().size());
  const int levels = search.trie().levels();
  for (const int32_t width : search.widths()) width_ = std::max<int64_t>(width_, width);
  // All of it in one array, so that it is one copy.
  std::vector<int32_t> all(search.widths().begin(), search.widths().end());
  const auto append = [&](int64_t count, auto value) {
    const auto begin = static_cast<int64_t>(all.size());
    for (int64_t i = 0; i < count; ++i) all.push_back(static_cast<int32_t>(value(i)));
    return Range(begin, begin + count);
  };
  const auto alive = [&](int64_t user) { return search.row_begin()[user] < search.row_begin()[user + 1]; };
  users_at_ = append(users, [](int64_t user) { return user; });
  slot_users_at_ = append(users * width_, [&](int64_t slot) { return slot / width_; });
  first_at_ = append(SlotField::count * users, [&](int64_t i) {
    const int64_t field = i / users, user = i % users;
    if (field == SlotField::node) return alive(user) ? 0 : -1;
    return field == SlotField::token ? start_token : field == SlotField::score ? std::bit_cast<int32_t>(0.f) : 0;
  });
  std::vector<int32_t> dead;
  dead_begins_at_ = append(levels * users + 1, [&](int64_t i) {
    const auto begin = dead.size();
    if (i < levels * users) {
      const auto nodes = search.dead_nodes(i % users, static_cast<int>(i / users) + 1);
      dead.insert(dead.end(), nodes.begin(), nodes.end());
    }
    return begin;
  });
  dead.resize(std::bit_ceil(std::max(dead.size(), kDeadNodes)));
  dead_at_ = append(static_cast<int64_t>(dead.size()), [&](int64_t i) { return dead[i]; });
  input_ = Tensor::from(all);
}

void BeamSlots::begin(const Tensor& input) {
  const auto part = [&](Range range) { return input.row_range(range.first, range.second); };
  users_ = part(users_at_), widths_ = part({0, users_.size()}), slot_users_ = part(slot_users_at_);
  first_ = part(first_at_).reshape({SlotField::count, users_.size()});
  dead_begins_ = part(dead_begins_at_), dead_ = part(dead_at_);
  found_ = Tensor({search_.trie().levels(), SlotField::count * slot_users_.size()}, tensor::DType::i32, input.device());
}

Tensor BeamSlots::field(int64_t index) const {
  if (level_ == 0) return first_.row_range(index, index + 1).reshape({first_.columns()});
  const Tensor slots = found_.row_range(level_ - 1, level_).reshape({SlotField::count, slot_users_.size()});
  return slots.row_range(index, index + 1).reshape({slot_users_.size()});
}

void BeamSlots::expand(const nn::NextTokenScores& scores, int32_t first_token) {
  tensor::check(!done(), "expand() at level ", level_, " of ", search_.trie().levels());
  const tensor::Shape slots{SlotField::count, slot_users_.size()};
  const int64_t users = users_.size();
  const Tensor from = level_ == 0 ? first_ : found_.row_range(level_ - 1, level_).reshape(slots);
  Tensor to = found_.row_range(level_, level_ + 1).reshape(slots);
  const BeamLevel level{.child_begins = search_.trie().child_begins(level_),
                        .codes = search_.trie().code_table(level_ + 1),
                        .widths = widths_,
                        .dead_begins = dead_begins_.row_range(level_ * users, (level_ + 1) * users + 1),
                        .dead = dead_,
                        .first_token = first_token,
                        .score = search_.options().score};
  beam_step(scores.logits, scores.lse, level, from, to);
  ++level_;
}

}  // namespace genrec
