#include "genrec/run.h"

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "genrec/log.h"
#include "genrec/version.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr const char* kConfig = "config.toml";

std::string quoted(const std::string& text) { return toml_string(text); }

std::string config_text(const OptionTable& table, const RunOptions& options) {
  return "model = " + quoted(options.model) + "\nseed = " + std::to_string(options.seed) +
         "\ndata = " + quoted(std::filesystem::absolute(options.data).lexically_normal().string()) +
         "\nprecision = " + quoted(tensor::name_of(options.precision)) + "\n\n[options]\n" + table.toml();
}

// The text of a TOML value as OptionTable::set takes it.
std::string text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::string joined;
    for (const toml::node& element : *list) joined += (joined.empty() ? "" : ",") + text_of(element);
    return joined;
  }
  std::ostringstream out;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_integer<decltype(value)>) out << value.get();
    if constexpr (toml::is_floating_point<decltype(value)>) out << toml::node_view<const toml::node>(value);
  });
  return out.str();
}

toml::table parse_toml(const std::string& path) {
  try {
    return toml::parse(tensor::read_file(path), path);
  } catch (const toml::parse_error& error) {
    tensor::fail(Fault::config, path, ":", error.source().begin.line, ":", error.source().begin.column, ": ",
                 std::string(error.description()));
  }
}

// "tasks=seqrec", "seqimage", "beam=50": an element without '=' belongs to the list before it.
std::vector<Assignment> parse_changes(const std::vector<std::string>& changes) {
  std::vector<Assignment> parsed;
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    require(equals != std::string::npos || !parsed.empty(), "--set: '", change, "' sets nothing; give NAME=VALUE");
    if (equals == std::string::npos) parsed.back().text += "," + change;
    else parsed.push_back({change.substr(0, equals), change.substr(equals + 1), "--set " + change.substr(0, equals), "--set"});
  }
  return parsed;
}

void write_start_of_manifest(RunFolder& run, const RunOptions& options, const Dataset& dataset) {
  Record program;
  program.add("version", kVersion).add("compiler", kCompiler).add("build", kBuildType);
  program.add("instruction set", tensor::name_of(tensor::isa())).add("threads", tensor::threads());
  run.set_manifest("program", program.to_json());
  Record training;
  training.add("model", options.model).add("seed", static_cast<int64_t>(options.seed));
  training.add("precision", tensor::name_of(options.precision)).add("data", options.data);
  training.add("data fingerprint", fingerprint(dataset));
  run.set_manifest("training", training.to_json());
}

}  // namespace

RunFolder begin_run(const OptionTable& table, const RunOptions& options, const Dataset& dataset) {
  RunFolder run = RunFolder::create(options.out);
  tensor::write_file_atomically(run / kConfig, config_text(table, options));
  write_start_of_manifest(run, options, dataset);
  return run;
}

void train_run(System& system, const OptionTable& table, const RunOptions& options, const Dataset& dataset) {
  const std::vector<std::string> stages = system.stages();
  if (!options.stage.empty()) {
    require(std::find(stages.begin(), stages.end(), options.stage) != stages.end(), "--stage: ", options.model,
            " has no stage '", options.stage, "'; ", did_you_mean(nearest_name(options.stage, stages)));
  }
  const FolderLock lock(options.out);
  const bool continues = options.resume || (!options.stage.empty() && file_exists(options.out + "/" + kConfig));
  RunFolder run = continues ? RunFolder::open(options.out) : begin_run(table, options, dataset);
  if (continues) {
    const Run before(options.out);
    require(before.precision() == options.precision, "--precision: ", options.out, " was begun in ",
            tensor::name_of(before.precision()), "; give --precision ", tensor::name_of(before.precision()), ", or another --out");
    require_data_of(run, dataset);
    if (!options.resume) {
      compare_settings(before, table, options, [&](const std::string& name, const std::string& there, const std::string& here) {
        require(there == here, "--stage: ", options.out, " was begun with '", name, " = ", there, "', not with '", name, " = ", here,
                "'; give the same options, or another --out");
      });
    }
    write_start_of_manifest(run, options, dataset);
  }
  const tensor::PrecisionScope scope(options.precision);
  for (const std::string& stage : options.stage.empty() ? stages : std::vector<std::string>{options.stage}) {
    if (options.stage.empty() && run.manifest("finished " + stage) == "true") {
      note(options.out + ": stage " + stage + " is finished already");
      continue;
    }
    const auto start = std::chrono::steady_clock::now();
    system.train({dataset, run, options.seed, stage});
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    run.set_manifest("finished " + stage, "true");
    run.set_manifest("seconds " + stage, std::to_string(seconds));
  }
}

Run::Run(const std::string& path, const std::vector<std::string>& changes) : folder_(RunFolder::open(path)) {
  const std::string file = folder_ / kConfig;
  const toml::table config = parse_toml(file);
  const auto model = config["model"].value<std::string>(), data = config["data"].value<std::string>();
  const auto seed = config["seed"].value<int64_t>();
  const toml::table* options = config["options"].as_table();
  require(Fault::config, model && data && seed && options, file, ": lacks model, seed, data or [options]; it is not a run's");
  model_ = *model, data_ = *data, seed_ = static_cast<uint64_t>(*seed);
  const std::string precision = config["precision"].value_or<std::string>("fp32");  // runs of old programs do not say it
  require(Fault::config, precision == "fp32" || precision == "bf16", file, ": precision is '", precision,
          "'; it must be fp32 or bf16");
  precision_ = tensor::precision_named(precision);
  system_ = make_system(model_);
  table_ = std::make_unique<OptionTable>();
  system_->describe(*table_);
  std::vector<Assignment> assignments;
  for (const auto& [name, value] : *options) {
    assignments.push_back({std::string(name.str()), text_of(value), file + ": " + std::string(name.str()), file, Fault::config});
  }
  const std::vector<Assignment> changed = parse_changes(changes);
  assignments.insert(assignments.end(), changed.begin(), changed.end());
  table_->apply(assignments);
}

void compare_settings(const Run& run, const OptionTable& table, const RunOptions& options,
                      const std::function<void(const std::string&, const std::string&, const std::string&)>& compare) {
  compare("model", run.model_name(), options.model);
  compare("precision", tensor::name_of(run.precision()), tensor::name_of(options.precision));
  compare("seed", std::to_string(run.seed()), std::to_string(options.seed));
  for (const auto& [name, text] : table.values()) compare(name, run.table().find(name)->text(), text);
}

std::string trained_on(const RunFolder& run) {
  const nlohmann::json training = nlohmann::json::parse(run.manifest("training"), nullptr, false);
  return training.is_object() ? training.value("data fingerprint", "") : "";
}

void require_data_of(const RunFolder& run, const Dataset& dataset) {
  const std::string before = trained_on(run), here = fingerprint(dataset);
  require(Fault::bad_data, before.empty() || before == here, run.path(), ": was made from other data (", before, ", here ", here,
          "); use the data that the run was trained on");
}

std::unique_ptr<TrainedModel> Run::load(const Dataset& dataset, std::optional<tensor::Precision> precision) const {
  tensor::set_precision(precision.value_or(precision_));
  return system_->load(dataset, folder_, seed_);
}

std::string evaluation_file(const std::string& run, Split split) {
  return run + "/evaluation-" + name_of(split) + ".safetensors";
}

std::vector<std::string> runs_under(const std::string& path) {
  if (file_exists(path + "/" + kConfig)) return {path};
  std::vector<std::string> runs;
  for (int seed = 1; file_exists(path + "/seed-" + std::to_string(seed) + "/" + kConfig); ++seed) {
    runs.push_back(path + "/seed-" + std::to_string(seed));
  }
  require(Fault::missing_input, !runs.empty(), path, ": is not the folder of a run; `genrec train --out` makes one");
  return runs;
}

}  // namespace genrec
