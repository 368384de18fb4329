// genrec evaluate: full ranking over the held-out items of every user; values per user stay in the folder of the run.
#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/profile_report.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "genrec/compare.h"
#include "genrec/log.h"
#include "genrec/run.h"
#include "genrec/statistics.h"
#include "genrec/text_table.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;

struct Evaluated {
  std::string path, model;
  uint64_t seed = 1;
  genrec::Evaluation evaluation;
};

class Evaluate : public Command {
 public:
  Evaluate() : Command("evaluate", "Measure Recall, NDCG, HR and MRR of a run, or of all seeds of one") {
    options().add("run", run_, "Folder of a run").value_name("RUN").positional().required();
    options().add("data", data_, "Folder of the data set, if it is no longer where it was").value_name("DIR");
    options().add("split", split_, "Which held-out items to find").choices({"test", "valid"});
    options().add("k", cutoffs_, "Lengths of the lists; empty: 10,20, or 1,5,10 where each user holds out one item")
        .range(1, 100000);
    options().add("seen", seen_, "Whether items that a user is known to have may be listed").choices({"drop", "keep"});
    options().add("targets", targets_, "Which held-out items count: all, cold (without a training interaction) or warm; `compare` sees all",
                  {{"all", genrec::Targets::all}, {"cold", genrec::Targets::cold}, {"warm", genrec::Targets::warm}});
    options().add("set", changes_, "Options of the model to change for this once, as beam=50; nothing is left for `compare`")
        .value_name("NAME=VALUE,...");
    options().add("profiler", profiler_, "Print the time that each operation took");
    add_run_precision(options(), precision_);
    add_common(true);
  }

  int run() override {
    choose_device(common());
    std::vector<Evaluated> results;
    if (profiler_) tensor::start_profile();
    for (const std::string& path : genrec::runs_under(run_)) results.push_back(evaluate_one(path));
    if (profiler_) {
      const tensor::Profile profile = tensor::stop_profile();  // measuring the peaks takes a second, which is none of it
      std::fputs(profile_table(profile, tensor::measure_peaks()).c_str(), stderr);
    }
    print(common().json ? json(results) : text(results));
    if (unsaved_) std::rethrow_exception(unsaved_);
    return 0;
  }

 private:
  Evaluated evaluate_one(const std::string& path) {
    const genrec::Stage stage("evaluate " + path);
    const genrec::Run run(path, changes_);
    const genrec::Dataset data = data_of(run, data_);
    const genrec::Split split = split_named(split_);
    Evaluated result{path, run.model_name(), run.seed(), {}};
    const std::vector<int> cutoffs = cutoffs_.empty() ? genrec::usual_cutoffs(data) : cutoffs_;
    result.evaluation =
        genrec::evaluate(*run.load(data, run_precision(precision_)), data, split, cutoffs, seen_ == "drop", targets_);
    const bool as_trained = changes_.empty() && run_precision(precision_).value_or(run.precision()) == run.precision();
    if (!as_trained || targets_ != genrec::Targets::all) return result;
    try {
      result.evaluation.metrics.save(evaluation_file(path, split));
    } catch (const tensor::Error&) {  // told after the result, which took longer to make
      if (!unsaved_) unsaved_ = std::current_exception();
    }
    return result;
  }

  std::string text(const std::vector<Evaluated>& results) const {
    std::vector<std::string> header{"metric"};
    for (const Evaluated& result : results) header.push_back(results.size() == 1 ? result.model : base_name(result.path));
    if (results.size() > 1) header.insert(header.end(), {"mean", "deviation"});
    std::vector<std::vector<std::string>> rows;
    for (const std::string& name : results[0].evaluation.metrics.names) {
      std::vector<std::string> row{name};
      std::vector<double> values;
      for (const Evaluated& result : results) values.push_back(result.evaluation.metrics.mean(name));
      for (const double value : values) row.push_back(fmt::format("{:.4f}", value));
      if (results.size() > 1)
        row.insert(row.end(), {fmt::format("{:.4f}", genrec::mean(values)), fmt::format("{:.4f}", genrec::deviation(values))});
      rows.push_back(row);
    }
    std::string text = genrec::text_table(header, rows);
    for (const Evaluated& result : results)
      for (const auto& [name, value] : result.evaluation.statistics.fields())
        text += fmt::format("{}{}: {}\n", results.size() == 1 ? "" : base_name(result.path) + ": ", name, shown(value));
    const std::string which = targets_ == genrec::Targets::all ? "" : " that are " + options().find("targets")->text();
    return text + fmt::format("{} users with {} items{}, seen items {}\n", results[0].evaluation.metrics.users.size(), split_, which,
                              seen_listed(results) ? "kept" : "left out");
  }

  // What was done, which a model's own options decide too, and not what was asked.
  static bool seen_listed(const std::vector<Evaluated>& results) {
    return std::any_of(results.begin(), results.end(), [](const Evaluated& result) { return result.evaluation.seen_listed; });
  }

  static std::string shown(const genrec::Record::Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return fmt::format("{:.4f}", *number);
    if (const auto* whole = std::get_if<int64_t>(&value)) return fmt::format("{}", *whole);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
    return std::get<std::string>(value);
  }

  std::string json(const std::vector<Evaluated>& results) const {
    Json runs = Json::array();
    for (const Evaluated& result : results)
      runs.push_back({{"run", result.path},
                      {"model", result.model},
                      {"seed", result.seed},
                      {"users", result.evaluation.metrics.users.size()},
                      {"metrics", Json::parse(genrec::summary(result.evaluation.metrics).to_json())},
                      {"statistics", Json::parse(result.evaluation.statistics.to_json())}});
    const char* seen = seen_listed(results) ? "keep" : "drop";
    return Json{{"split", split_}, {"seen", seen}, {"targets", options().find("targets")->text()}, {"runs", runs}}.dump(2) + "\n";
  }

  std::string run_, data_, split_ = "test", seen_ = "drop", precision_ = "run";
  genrec::Targets targets_ = genrec::Targets::all;
  std::vector<std::string> changes_;
  std::vector<int> cutoffs_;
  bool profiler_ = false;
  std::exception_ptr unsaved_;  // why nothing is left for `compare`
};

}  // namespace

std::unique_ptr<Command> evaluate() { return std::make_unique<Evaluate>(); }

}  // namespace cli
