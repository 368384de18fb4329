#include "genrec/compare.h"

#include <algorithm>

#include "tensor/error.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {

void check_alike(const NamedRuns& first, const NamedRuns& run) {
  const Conditions& expected = first.seeds[0].conditions;
  for (const MetricTable& table : run.seeds) {
    if (expected.empty() || table.conditions.empty()) continue;
    for (const char* what : {"data", "split", "seen", "targets"}) {  // not k: a metric that a run lacks is told by its name
      const std::string &there = expected.at(what), &here = table.conditions.at(what);
      require(Fault::bad_data, there == here, "compare: '", first.name, "' and '", run.name, "' were evaluated with different ", what, ", ",
              there, " and ", here, "; evaluate both alike");
    }
  }
}

void check_runs(std::span<const NamedRuns> runs) {
  require(!runs.empty(), "compare: no run given; name at least one");
  for (const NamedRuns& run : runs) {
    require(!run.seeds.empty(), "compare: run '", run.name, "' has no metrics; evaluate it first");
    check_alike(runs[0], run);
    for (const MetricTable& table : run.seeds) {
      const MetricTable& first = runs[0].seeds[0];
      require(Fault::bad_data, table.users == first.users, "compare: '", runs[0].name, "' and '", run.name,
              "' were evaluated on different users, ", first.users.size(), " and ", table.users.size(),
              "; evaluate both on the same data and split");
    }
  }
}

// A user's values, averaged over the seeds.
std::vector<double> user_values(const NamedRuns& run, const std::string& metric) {
  std::vector<double> sum(run.seeds[0].users.size(), 0.0);
  for (const MetricTable& table : run.seeds) {
    const std::vector<double> values = table.values_of(metric);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
  }
  for (double& value : sum) value /= static_cast<double>(run.seeds.size());
  return sum;
}

size_t find_reference(std::span<const NamedRuns> runs, const Comparison& comparison, const std::string& name) {
  if (name.empty()) {
    size_t best = 0;
    for (size_t run = 1; run < runs.size(); ++run) {
      if (comparison.at(run, 0).mean > comparison.at(best, 0).mean) best = run;
    }
    return best;
  }
  const auto found = std::find(comparison.runs.begin(), comparison.runs.end(), name);
  std::string known;
  for (const std::string& each : comparison.runs) known += (known.empty() ? "" : ", ") + each;
  require(found != comparison.runs.end(), "compare: there is no run '", name, "' to compare with; choose one of ", known);
  return found - comparison.runs.begin();
}

void test_metric(std::span<const NamedRuns> runs, const CompareOptions& options, Comparison& comparison, size_t metric) {
  const std::string& name = comparison.metrics[metric];
  const size_t width = comparison.metrics.size(), reference = comparison.reference;
  const std::vector<double> base = user_values(runs[reference], name);
  std::vector<double> t, wilcoxon, seeds;
  for (size_t run = 0; run < runs.size(); ++run) {
    if (run == reference) continue;
    ComparisonCell& cell = comparison.cells[run * width + metric];
    const std::vector<double> values = user_values(runs[run], name);
    std::vector<double> difference(values.size());
    for (size_t i = 0; i < values.size(); ++i) difference[i] = values[i] - base[i];
    cell.difference = mean(difference);
    cell.interval = bootstrap_mean(difference, options.confidence, options.resamples, options.seed);
    t.push_back(paired_t_test(values, base).p);
    wilcoxon.push_back(wilcoxon_test(values, base).p);
    seeds.push_back(welch_t_test(cell.per_seed, comparison.at(reference, metric).per_seed).p);
  }
  t = holm(t), wilcoxon = holm(wilcoxon), seeds = holm(seeds);
  for (size_t run = 0, i = 0; run < runs.size(); ++run) {
    if (run == reference) continue;
    ComparisonCell& cell = comparison.cells[run * width + metric];
    cell.t_p = t[i], cell.wilcoxon_p = wilcoxon[i], cell.seeds_p = seeds[i];
    ++i;
  }
}

}  // namespace

Comparison compare_runs(std::span<const NamedRuns> runs, const CompareOptions& options) {
  check_runs(runs);
  Comparison comparison;
  comparison.metrics = options.metrics.empty() ? runs[0].seeds[0].names : options.metrics;
  comparison.users = static_cast<int64_t>(runs[0].seeds[0].users.size());
  comparison.confidence = options.confidence;
  for (const NamedRuns& run : runs) {
    comparison.runs.push_back(run.name);
    for (const std::string& metric : comparison.metrics) {
      ComparisonCell cell;
      for (const MetricTable& table : run.seeds) cell.per_seed.push_back(table.mean(metric));
      cell.mean = mean(cell.per_seed);
      cell.deviation = deviation(cell.per_seed);
      comparison.cells.push_back(cell);
    }
  }
  comparison.reference = find_reference(runs, comparison, options.reference);
  for (size_t metric = 0; metric < comparison.metrics.size(); ++metric) test_metric(runs, options, comparison, metric);
  return comparison;
}

}  // namespace genrec
