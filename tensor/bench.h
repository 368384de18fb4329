// What this machine can do, and how much of it a piece of work reaches: every sample is taken between two samples of the peak,
// so that a busy neighbour or a changing clock does not distort the share. What is measured here are the matrix products and
// attention; genrec/workloads.h has the whole pieces of work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tensor/precision.h"

namespace tensor {

// Rates of this machine on all threads and the instruction set in use, float; takes about a quarter of a second.
struct Peaks {
  double operations;  // multiply-adds in registers, each two operations, a second
  double tiles;       // products of bf16 tiles, likewise; 0 where the set has none
  double bytes;       // z = x + y over memory
};
Peaks measure_peaks();

struct Workload {
  std::string name;
  const char* unit;  // "flop" or "byte"
  double work;       // of them in one run
  std::function<void()> run;
  Precision precision = Precision::fp32;  // what its work is held against: multiply-adds, or products of bf16 tiles
  bool rounds = true;                     // it multiplies matrices, so that --precision matters
  double items = 0;                       // tokens, rows or users of one run, where it has such
};

struct BenchRow {
  std::string name;
  const char* unit;
  Precision precision;
  double work;
  double seconds;    // median
  double share;      // of the peak rate measured around it, median; 1 for the peaks themselves
  double low, high;  // quartiles of the share
  double rate() const { return work / seconds; }
};

// The products of the recommenders, in the precision in use, and their attention. `shrink` divides the longer sides, for a
// quick look that all runs.
std::vector<Workload> kernel_workloads(int64_t shrink = 1);

// On all threads and the instruction set in use: first the peaks, which are multiply-adds in registers, products of bf16
// tiles where the set has them, and z = x + y in each cache and in memory, then the workloads with `repeats` samples each.
std::vector<BenchRow> bench(const std::vector<Workload>& workloads, int repeats, int64_t shrink = 1);

}  // namespace tensor
