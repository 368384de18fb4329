// genrec train: one model, one or several seeds, from a prepared data set to a run folder. The options of the model that
// --model names are a part of the command's table.
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/profile_report.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "genrec/log.h"
#include "genrec/run.h"
#include "genrec/text_table.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;
using genrec::Run;
using genrec::RunOptions;
using tensor::require;

class Train : public Command {
 public:
  explicit Train(const std::string& model)
      : Command("train", "Train a model on a prepared data set"), system_(genrec::make_system(model)) {
    options_.model = model;
    options().add("model", options_.model, "What to train; each model has options of its own").choices(genrec::system_names());
    options().add("data", options_.data, "Folder of the data set").value_name("DIR");
    options().add("out", options_.out, "Folder for the run").value_name("DIR");
    options().add("stage", options_.stage, "Only this stage of the model; empty: all of them in order").value_name("STAGE");
    options().add("seeds", seeds_, "Train so many runs, in DIR/seed-1, DIR/seed-2, ..; the first has --seed, the next one more")
        .range(1, 1000);
    options().add("resume", options_.resume, "Go on with the run in --out, with its own options and data");
    add_precision(options_.precision);
    options().add("dry-run", dry_run_, "Print the stages and an estimate of the memory, and do nothing else");
    options().add("profiler", profiler_, "Print the time that each operation took, and write a trace to profile.json of the run");
    system_->describe(options());
    add_common(true);
  }

  bool saves_when_stopped() const override { return true; }

  int run() override {
    choose_device(common());
    options_.seed = common().seed;
    if (dry_run_) return tell_device(options_.precision), print_plan();
    require(!options_.out.empty(), "--out: this is required; give --out DIR");
    std::vector<std::string> folders;
    for (int i = 1; i <= seeds_; ++i)
      folders.push_back(seeds_ == 1 ? options_.out : options_.out + "/seed-" + std::to_string(i));
    if (options_.resume) resume(folders);
    else start(folders);
    print_result(folders);
    return 0;
  }

 private:
  void tell_device(tensor::Precision precision) const {
    const tensor::PrecisionScope scope(precision);
    genrec::note(device_line(common()));
  }

  void start(const std::vector<std::string>& folders) {
    require(!options_.data.empty(), "--data: this is required; give --data DIR");
    const uint64_t last = std::numeric_limits<int64_t>::max() - (seeds_ - 1);
    require(options_.seed <= last, "--seed: ", options_.seed, " and the next ones, for --seeds ", seeds_,
            ", go beyond 2^63 - 1; give at most ", last);
    tell_device(options_.precision);
    const genrec::Dataset data = genrec::load_dataset(options_.data);
    genrec::OptionTable table;  // of the model alone: what config.toml of the run holds
    system_->describe(table);
    for (size_t i = 0; i < folders.size(); ++i) train(*system_, table, options_, folders[i], i, data);
  }

  // A run that has not begun yet gets the options of the first one.
  void resume(const std::vector<std::string>& folders) {
    for (const auto& option : options().options()) {
      const bool common = option->group() == kCommonGroup && option->name() != "seed";
      const bool allowed = common || option->name() == "out" || option->name() == "resume" || option->name() == "seeds" ||
                           option->name() == "profiler";
      require(allowed || option->origin() != "command line", "--", option->name(),
              ": a run goes on with its own options; leave this one out, or leave out --resume");
    }
    Run first(folders[0]);
    tell_device(first.precision());
    const genrec::Dataset data = genrec::load_dataset(first.data());
    RunOptions options = options_;
    options.model = first.model_name();
    options.data = first.data();
    options.seed = first.seed();
    options.precision = first.precision();
    for (size_t i = 0; i < folders.size(); ++i) {
      options.resume = genrec::file_exists(folders[i] + "/config.toml");
      train(first.system(), first.table(), options, folders[i], i, data);
    }
  }

  void train(genrec::System& system, const genrec::OptionTable& table, RunOptions options, const std::string& folder,
             size_t index, const genrec::Dataset& data) const {
    options.out = folder;
    options.seed += index;
    if (profiler_) tensor::start_profile();
    try {
      const genrec::Stage stage("train " + folder);
      genrec::train_run(system, table, options, data);
    } catch (const tensor::Error& error) {
      if (profiler_ && error.fault() == tensor::Fault::interrupted) report(tensor::stop_profile(), folder);
      throw;
    }
    if (profiler_) report(tensor::stop_profile(), folder);
  }

  static void report(const tensor::Profile& profile, const std::string& folder) {
    std::fputs(profile_table(profile, tensor::measure_peaks()).c_str(), stderr);
    tensor::write_file_atomically(folder + "/profile.json", profile.chrome_trace());
    genrec::note(tensor::join(folder, "/profile.json: open it in chrome://tracing or ui.perfetto.dev",
                              profile.dropped_events > 0 ? tensor::join("; it holds the first ", profile.events.size(), " of ",
                                                                        profile.events.size() + profile.dropped_events,
                                                                        " operations")
                                                         : ""));
  }

  int print_plan() {
    require(!options_.data.empty(), "--data: this is required; give --data DIR");
    const genrec::Plan plan = system_->plan(genrec::load_dataset(options_.data));
    Json stages = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const genrec::Plan::Stage& stage : plan.stages) {
      stages.push_back(
          {{"stage", stage.name}, {"what", stage.text}, {"parameters", stage.parameters}, {"bytes", stage.bytes}});
      rows.push_back({stage.name, std::to_string(stage.parameters), bytes_text(static_cast<double>(stage.bytes)), stage.text});
    }
    const std::vector<std::string> header{"stage", "parameters", "memory, about", "what"};
    print(common().json ? Json{{"model", options_.model}, {"stages", stages}}.dump(2) + "\n" : genrec::text_table(header, rows));
    return 0;
  }

  void print_result(const std::vector<std::string>& folders) const {
    Json runs = Json::array();
    std::string text;
    for (const std::string& folder : folders) {
      const Run run(folder);
      Json seconds = Json::object();
      double total = 0;
      for (const std::string& stage : Run(folder).system().stages()) {
        const std::string taken = run.folder().manifest("seconds " + stage);
        if (taken.empty()) continue;
        seconds[stage] = std::stod(taken);
        total += std::stod(taken);
      }
      runs.push_back({{"run", folder}, {"model", run.model_name()}, {"seed", run.seed()}, {"seconds", seconds}});
      text += fmt::format("{}: {}, seed {}, {}\n", folder, run.model_name(), run.seed(), duration_text(total));
    }
    print(common().json ? Json{{"runs", runs}}.dump(2) + "\n" : text);
  }

  std::unique_ptr<genrec::System> system_;
  RunOptions options_;
  int seeds_ = 1;
  bool dry_run_ = false, profiler_ = false;
};

}  // namespace

std::unique_ptr<Command> train(const std::string& model) { return std::make_unique<Train>(model); }

}  // namespace cli
