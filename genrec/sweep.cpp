#include "genrec/sweep.h"

#include <algorithm>

#include "genrec/compare.h"
#include "genrec/data/table.h"
#include "genrec/evaluate.h"
#include "genrec/html.h"
#include "genrec/log.h"
#include "genrec/run.h"

namespace genrec {

using tensor::require;

namespace {

// A system with options of its own.
struct Configured {
  std::unique_ptr<System> system;
  OptionTable table;

  Configured(const std::string& model, const std::vector<Assignment>& settings) : system(make_system(model)) {
    system->describe(table);
    table.apply(settings);
  }
};

std::string folder_name(const std::string& option, const std::string& value) {
  std::string name = option + "-" + value;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

bool is_there(const std::string& folder) { return file_exists(folder + "/config.toml"); }

// A run that is there must be the one that is wanted.
void require_same(const std::string& folder, const SweepOptions& options, const OptionTable& wanted, const Dataset& dataset) {
  const Run run(folder);
  const auto same = [&](const std::string& what, const std::string& there, const std::string& here) {
    require(there == here, folder, ": was made with ", what, " = ", there, ", now ", here, "; sweep into another --out");
  };
  const std::string data = trained_on(run.folder());
  if (!data.empty()) same("data", data, fingerprint(dataset));
  compare_settings(run, wanted, {.model = options.model, .seed = options.seed, .precision = options.precision}, same);
}

MetricTable measured(const std::string& folder, const SweepOptions& options, const Dataset& dataset) {
  const std::string file = evaluation_file(folder, Split::valid);
  const Conditions wanted = conditions_of(dataset, Split::valid, options.cutoffs);
  if (file_exists(file)) {
    if (MetricTable table = MetricTable::load(file); table.conditions == wanted) return table;
  }
  MetricTable table = evaluate(*Run(folder).load(dataset), dataset, Split::valid, options.cutoffs).metrics;
  table.save(file);
  return table;
}

void train_or_go_on(Configured& configured, const SweepOptions& options, const std::string& folder, const Dataset& dataset) {
  RunOptions run;
  run.model = options.model, run.data = options.data, run.out = folder, run.seed = options.seed;
  run.resume = is_there(folder);
  run.precision = options.precision;
  train_run(*configured.system, configured.table, run, dataset);
}

}  // namespace

std::vector<SweepAxis> sweep_axes(const std::vector<std::string>& texts) {
  std::vector<SweepAxis> axes;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals != std::string::npos) axes.push_back({text.substr(0, equals), {}});
    require(!axes.empty(), "--vary: '", text, "' names no option; give OPTION=VALUE,VALUE,..");
    const std::string value = equals == std::string::npos ? text : text.substr(equals + 1);
    require(!value.empty(), "--vary ", axes.back().option, ": a value is empty; give OPTION=VALUE,VALUE,..");
    axes.back().values.push_back(value);
  }
  return axes;
}

Sweep run_sweep(const std::vector<Assignment>& given, const SweepOptions& options, const Dataset& dataset) {
  const Configured standard(options.model, given);
  std::vector<std::pair<SweepPoint, std::unique_ptr<Configured>>> planned;  // all is checked before the first training
  for (const SweepAxis& axis : options.axes) {
    require(standard.table.find(axis.option) != nullptr, "--vary: ", options.model, " has no option '", axis.option, "'; ",
            did_you_mean(standard.table.nearest(axis.option)));
    for (const std::string& value : axis.values) {
      std::vector<Assignment> settings = given;
      settings.push_back({axis.option, value, "--vary " + axis.option, "sweep"});
      auto configured = std::make_unique<Configured>(options.model, settings);
      const bool as_it_is = configured->table.values() == standard.table.values();
      const std::string name = as_it_is ? "standard" : folder_name(axis.option, value);
      const std::string folder = options.out + "/" + name;
      if (is_there(folder)) require_same(folder, options, configured->table, dataset);
      planned.emplace_back(SweepPoint{axis.option, value, folder, {}}, std::move(configured));
    }
  }
  Sweep sweep;
  for (auto& [point, configured] : planned) {
    const Stage stage("sweep " + point.option + " = " + point.value);
    train_or_go_on(*configured, options, point.run, dataset);
    const MetricTable table = measured(point.run, options, dataset);
    sweep.metrics = table.names;  // the same for all
    for (const std::string& metric : table.names) point.metrics.push_back(table.mean(metric));
    sweep.points.push_back(point);
  }
  return sweep;
}

std::string sweep_chart(const Sweep& sweep, const std::string& option, const std::string& metric) {
  const auto found = std::find(sweep.metrics.begin(), sweep.metrics.end(), metric);
  tensor::check(found != sweep.metrics.end(), "a sweep without the metric ", metric);
  Series series{metric, {}, {}};
  std::string names;
  bool numbers = true;
  for (const SweepPoint& point : sweep.points) {
    if (point.option != option) continue;
    double x = 0;
    numbers = numbers && parse_number(point.value, x);
    series.x.push_back(x);
    series.y.push_back(point.metrics[found - sweep.metrics.begin()]);
    names += (names.empty() ? "" : ", ") + point.value;
  }
  const std::string title = metric + " on validation, by " + option;
  if (numbers) return svg_file(line_chart({title, option, metric}, {&series, 1}));
  return svg_file(bar_chart({title, option + ": " + names, metric}, series.y));
}

}  // namespace genrec
