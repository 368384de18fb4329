// A sweep: a system trained once for every value of some options, all others as they are, and what each reaches on the validation
// items; test items are never looked at. Runs that are there are gone on with, so a sweep that was stopped is simply begun again.
#pragma once

#include <string>
#include <vector>

#include "genrec/data/dataset.h"
#include "genrec/options.h"
#include "tensor/precision.h"

namespace genrec {

struct SweepAxis {
  std::string option;
  std::vector<std::string> values;
};

// "codes=64", "128", "levels=2", "3": an element without '=' is one more value of the option before it.
std::vector<SweepAxis> sweep_axes(const std::vector<std::string>& texts);

struct SweepOptions {
  std::string model, data, out;  // as in RunOptions; the runs lie below `out`
  uint64_t seed = 1;
  std::vector<SweepAxis> axes;
  std::vector<int> cutoffs;
  tensor::Precision precision = tensor::Precision::fp32;  // of the runs and their evaluations
};

struct SweepPoint {
  std::string option, value;
  std::string run;              // its folder; equal settings share one
  std::vector<double> metrics;  // in the order of Sweep::metrics
};

struct Sweep {
  std::vector<std::string> metrics;
  std::vector<SweepPoint> points;
};

// `given`: what was set of the model's options, for all runs. A value that an option has anyway is the run `out`/standard.
Sweep run_sweep(const std::vector<Assignment>& given, const SweepOptions& options, const Dataset& dataset);

// One option as an SVG file: a line where all values are numbers, otherwise bars.
std::string sweep_chart(const Sweep& sweep, const std::string& option, const std::string& metric);

}  // namespace genrec
