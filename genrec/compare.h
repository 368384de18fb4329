// Comparison of runs on the same users: mean and deviation over seeds, and paired tests per user of each run against a
// reference. Before the tests a user's values are averaged over the seeds of a run. p-values are Holm-corrected over the
// compared runs, per metric. Only evaluations that were made alike are compared; how one was made lies in its file.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "genrec/evaluate.h"
#include "genrec/metrics.h"
#include "genrec/statistics.h"

namespace genrec {

struct NamedRuns {
  std::string name{};
  std::vector<MetricTable> seeds{};  // the same model trained with different seeds; at least one
};

struct CompareOptions {
  std::vector<std::string> metrics{};  // empty: all of the first run
  std::string reference{};             // name of a run; empty: the one with the best mean of the first metric
  double confidence = 0.95;
  int resamples = 1000;
  uint64_t seed = 0;
};

struct ComparisonCell {
  std::vector<double> per_seed{};
  double mean = 0, deviation = 0;  // over seeds
  // Against the reference; of the reference itself zeros and ones.
  double difference = 0;
  Interval interval;               // bootstrap over users, of the difference
  double t_p = 1, wilcoxon_p = 1;  // paired over users, Holm-corrected
  double seeds_p = 1;              // Welch's test over the seeds, Holm-corrected; 1 with fewer than two seeds
};

struct Comparison {
  std::vector<std::string> runs{}, metrics{};
  size_t reference = 0;  // index of a run
  int64_t users = 0;
  double confidence = 0.95;
  std::vector<ComparisonCell> cells{};  // [runs, metrics]

  const ComparisonCell& at(size_t run, size_t metric) const { return cells[run * metrics.size() + metric]; }
};

Comparison compare_runs(std::span<const NamedRuns> runs, const CompareOptions& options);

enum class TableStyle { text, markdown };
std::string comparison_table(const Comparison& comparison, TableStyle format);
std::string comparison_json(const Comparison& comparison);

}  // namespace genrec
