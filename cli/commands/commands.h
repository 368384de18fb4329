// One function per command, each in a file of its own in this folder.
#pragma once

#include <memory>

#include "cli/command.h"

namespace cli {

std::unique_ptr<Command> selftest();
std::unique_ptr<Command> bench_inference();
std::unique_ptr<Command> completion();

}  // namespace cli
