// What this machine can do and how much of it the matrix products and attention reach: every sample is taken between two
// samples of the peak, so that a busy neighbour or a changing clock does not distort the share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tensor {

struct BenchRow {
  std::string name;
  double work;         // operations, or bytes
  const char* unit;    // "flop" or "byte"
  double seconds;      // median
  double share;        // of the peak rate measured around it; 1 for the peaks themselves
  double rate() const { return work / seconds; }
};

// float, on all threads and the instruction set in use. The first two rows are the peaks: multiply-adds in registers, and a
// triad x = y + a z over memory. `repeats` samples of each row; takes about a second per five of them. `shrink` divides the
// longer sides, for a quick look that everything runs.
std::vector<BenchRow> bench_cpu(int repeats = 9, int64_t shrink = 1);

}  // namespace tensor
