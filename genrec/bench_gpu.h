// The workloads that the GPU is made for, timed on the default device and held against what it can do: a large product and a
// copy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace genrec {

struct GpuBenchRow {
  std::string name, unit;   // "flop" or "byte"
  double milliseconds = 0;  // median of a run; short ones follow each other without a wait between them
  double work = 0;          // of a run; operations that only the CPU's kernels count are missing, bytes stand in for them
  double share = 0;         // of the rate of the product or of the copy
  double items = 0;         // tokens, rows or users of a run, 0 where they are none
  int64_t kernels = 0;      // and products in a run
  int64_t graphs = 0;       // launches of graphs in a run; where there is one, it holds the kernels
  int64_t waits = 0;        // of the host for the device in a run, but the one at its end
  int64_t allocations = 0;  // calls to the driver's allocator in all timed runs; 0 in the steady state
  double rate() const { return work / milliseconds * 1e3; }
};

// `repeats` runs of each are timed, after some that are not. `shrink` divides sizes, for a quick look. Of the workloads only
// those with `only` in their names.
std::vector<GpuBenchRow> bench_gpu(int repeats, int64_t shrink, const std::string& only = "");

}  // namespace genrec
