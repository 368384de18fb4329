// What a large data set costs: interactions made in memory as a prepared data set holds them, then every training prefix visited
// as training visits it, as a range of the one array of items.
#pragma once

#include <cstdint>

namespace genrec {

struct DataBenchOptions {
  int64_t interactions = 50000000;
  int64_t users = 0;  // 0: one for 8 interactions, as in the Amazon sets
  int64_t items = 1000000;
  int history = 20;   // items of a prefix
  uint64_t seed = 1;
};

struct DataBench {
  int64_t interactions = 0, users = 0, items = 0;
  int64_t prefixes = 0;       // visited
  int64_t prefix_items = 0;   // in all of them
  int64_t bytes = 0;          // of interactions, times, bounds and ids
  int64_t index_bytes = 0;    // of what finds a prefix by its number
  double make_seconds = 0, walk_seconds = 0;
  uint64_t checksum = 0;      // of the items visited
};

DataBench bench_data(const DataBenchOptions& options);

}  // namespace genrec
