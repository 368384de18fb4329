// Interactions as they are read, before they become a data set: columns of numbers, ids, and the filters that work on them.
#pragma once

#include <vector>

#include "genrec/data/id_map.h"
#include "genrec/data/split.h"
#include "genrec/data/table.h"

namespace genrec {

// One entry per line that was kept, in the order of the file. Filters mark entries instead of moving them.
struct InteractionLog {
  IdMap user_ids, item_ids;
  std::vector<uint32_t> users, items;
  std::vector<double> times;     // or empty
  std::vector<uint8_t> splits;   // Split, kNoSplit or kDropped
  // What the file calls the users and items, where their ids come from a map: [user_ids], [item_ids]; or empty.
  std::vector<int64_t> user_numbers = {}, item_numbers = {};
  int64_t below_rating = 0;
  bool line_order = false;

  static constexpr uint8_t kNoSplit = 3, kDropped = 4;
  size_t size() const { return users.size(); }
  bool dropped(size_t entry) const { return splits[entry] == kDropped; }
  bool ordered() const { return !times.empty() || line_order; }

  struct Counts {
    int64_t interactions = 0;
    std::vector<int32_t> users, items;  // kept interactions of each
    int64_t user_count() const;         // users that have any
    int64_t item_count() const;
  };
  Counts counts() const;
};

// `keep_split` decides whether the split column is read.
InteractionLog read_interactions(const Schema& schema, double min_rating, bool keep_split);

// Entries by user, in the order of the file: those of user u are order[offsets[u] .. offsets[u + 1]).
struct ByUser {
  std::vector<uint32_t> order;
  std::vector<uint64_t> offsets;
};
ByUser group_by_user(const InteractionLog& log);

// Keeps the earliest entry of every (user, item) pair and returns how many were dropped. A pair that stands in two splits is
// an error that names both lines.
int64_t drop_duplicates(InteractionLog& log, const ByUser& by_user, const Schema& schema);

void drop_items(InteractionLog& log, const std::vector<uint8_t>& keep);  // [items] 0: drop its interactions
void keep_core(InteractionLog& log, int k);  // users and items with at least k interactions, repeated until nothing changes

}  // namespace genrec
