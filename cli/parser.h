// argv in, option assignments out. The only place that knows CLI11; values are checked by the option tables, not here.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace cli {

struct Parsed {
  Command* command = nullptr;                   // nullptr: help or version was asked for
  std::vector<genrec::Assignment> assignments;  // in the order of the option table
  std::string help;                             // not empty: print it and stop
  bool version = false;
};

// Throws Error(usage), with the nearest name for an unknown command or flag.
Parsed parse(const Commands& commands, const std::vector<std::string>& arguments);

}  // namespace cli
