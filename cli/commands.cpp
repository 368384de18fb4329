// The list of commands, in the order of the help.
#include "cli/commands/commands.h"
#include "cli/program.h"

namespace cli {

Commands all_commands() {
  Commands commands;
  commands.push_back(selftest());
  commands.push_back(bench_inference());
  commands.push_back(completion());
  return commands;
}

}  // namespace cli
