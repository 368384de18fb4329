// One function per command, each in a file of its own in this folder.
#pragma once

#include <memory>

#include "cli/command.h"

namespace cli {

std::unique_ptr<Command> synth();
std::unique_ptr<Command> import_data();
std::unique_ptr<Command> check();
std::unique_ptr<Command> train(const std::string& model);
std::unique_ptr<Command> sweep(const std::string& model);
std::unique_ptr<Command> evaluate();
std::unique_ptr<Command> compare();
std::unique_ptr<Command> recommend();
std::unique_ptr<Command> ids_report();
std::unique_ptr<Command> ids_export();
std::unique_ptr<Command> ids_add();
std::unique_ptr<Command> inspect();
std::unique_ptr<Command> selftest();
std::unique_ptr<Command> bench_cpu();
std::unique_ptr<Command> bench_gemm();
std::unique_ptr<Command> bench_gpu();
std::unique_ptr<Command> bench_inference();
std::unique_ptr<Command> bench_data();
std::unique_ptr<Command> completion();

}  // namespace cli
