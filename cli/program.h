// From arguments to an exit code: parse, read the configuration file, resolve, run.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace cli {

// In the order of the help. `model` decides which options `train` and `sweep` have; "": those of their usual models.
Commands all_commands(const std::string& model = "");

// Runs the program; errors leave as exceptions.
int run(const std::vector<std::string>& arguments);

// Writes to stdout, and Error(io) if that fails. Commands print their results through it.
void print(const std::string& text);

}  // namespace cli
