// External ids to numbers in the order of first sight: a hash table over one list of strings.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace genrec {

constexpr size_t kLongestId = 1024;  // bytes

class IdMap {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  IdMap() : slots_(1024, kNone) {}

  uint32_t add(std::string_view id) {  // its number; a new one if it was not there
    const size_t slot = find_slot(id);
    if (slots_[slot] != kNone) return slots_[slot];
    const uint32_t number = static_cast<uint32_t>(ids_.size());
    slots_[slot] = number;
    ids_.emplace_back(id);
    if (ids_.size() * 2 > slots_.size()) grow();
    return number;
  }
  uint32_t find(std::string_view id) const { return slots_[find_slot(id)]; }  // kNone when it is not there
  const std::vector<std::string>& ids() const { return ids_; }
  std::vector<std::string> release() {  // the ids; the map is empty afterwards
    slots_ = std::vector<uint32_t>(1024, kNone);
    return std::exchange(ids_, {});
  }
  uint32_t size() const { return static_cast<uint32_t>(ids_.size()); }

 private:
  size_t find_slot(std::string_view id) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = std::hash<std::string_view>()(id) & mask;
    while (slots_[slot] != kNone && ids_[slots_[slot]] != id) slot = (slot + 1) & mask;
    return slot;
  }
  void grow() {
    slots_.assign(slots_.size() * 2, kNone);
    for (uint32_t number = 0; number < ids_.size(); ++number) slots_[find_slot(ids_[number])] = number;
  }

  std::vector<std::string> ids_;
  std::vector<uint32_t> slots_;
};

}  // namespace genrec
