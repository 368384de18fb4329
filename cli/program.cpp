#include "cli/program.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "cli/config.h"
#include "cli/parser.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "genrec/version.h"
#include "tensor/error.h"

namespace cli {

namespace {

// The model that `train` or `sweep` is asked for, known before its options can be: from --model, else from the configuration file.
std::string model_of(const std::vector<std::string>& arguments) {
  if (arguments.empty() || (arguments[0] != "train" && arguments[0] != "sweep")) return "";
  std::string given[2];
  const std::string names[2] = {"--model", "--config"};
  for (size_t i = 1; i < arguments.size(); ++i)
    for (const int n : {0, 1}) {
      if (arguments[i].starts_with(names[n] + "=")) given[n] = arguments[i].substr(names[n].size() + 1);
      if (arguments[i] == names[n] && i + 1 < arguments.size()) given[n] = arguments[i + 1];
    }
  if (given[0].empty() && !given[1].empty()) given[0] = peek_config(given[1], arguments[0], "model");
  return given[0];
}

// Command line over file over presets over defaults.
void resolve(const Commands& commands, const Parsed& parsed) {
  std::vector<genrec::Assignment> assignments;
  for (const genrec::Assignment& given : parsed.assignments)
    if (given.name == "config") assignments = read_config(given.text, commands, *parsed.command);
  assignments.insert(assignments.end(), parsed.assignments.begin(), parsed.assignments.end());
  parsed.command->options().apply(assignments);
}

// The sink for as long as the command runs.
class ProgressScope {
 public:
  explicit ProgressScope(bool quiet) {
    if (quiet) return;
    display_ = std::make_unique<ProgressDisplay>(style_of_stderr());
    genrec::set_progress(display_.get());
  }
  ~ProgressScope() { genrec::set_progress(nullptr); }

 private:
  std::unique_ptr<ProgressDisplay> display_;
};

}  // namespace

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  tensor::require(tensor::Fault::io, written, "stdout: ", std::strerror(errno), "; the result was not written");
}

int run(const std::vector<std::string>& arguments) {
  const Commands commands = all_commands(model_of(arguments));
  const Parsed parsed = parse(commands, arguments);
  if (parsed.version) {
    print(fmt::format("genrec {} ({}, {})\n", genrec::kVersion, genrec::kCompiler, genrec::kBuildType));
    return 0;
  }
  if (!parsed.help.empty()) {
    print(parsed.help);
    return 0;
  }
  Command& command = *parsed.command;
  resolve(commands, parsed);
  if (command.common().dump_config) {
    print(dump_config(command));
    return 0;
  }
  command.options().require_given();
  apply_common(command.common());
  if (command.saves_when_stopped()) install_signal_handlers();
  const ProgressScope progress(command.common().quiet);
  return command.run();
}

}  // namespace cli
