// The list of commands, in the order of the help.
#include "cli/commands/commands.h"
#include "cli/program.h"

namespace cli {

Commands all_commands(const std::string& model) {
  Commands commands;
  commands.push_back(synth());
  commands.push_back(import_data());
  commands.push_back(check());
  commands.push_back(train(model.empty() ? "mmgrec" : model));
  commands.push_back(sweep(model.empty() ? "macrec" : model));
  commands.push_back(evaluate());
  commands.push_back(compare());
  commands.push_back(recommend());
  commands.push_back(ids_report());
  commands.push_back(ids_export());
  commands.push_back(ids_add());
  commands.push_back(inspect());
  commands.push_back(selftest());
  commands.push_back(bench_cpu());
  commands.push_back(bench_gemm());
  commands.push_back(bench_gpu());
  commands.push_back(bench_inference());
  commands.push_back(bench_data());
  commands.push_back(completion());
  return commands;
}

}  // namespace cli
