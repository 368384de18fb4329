// A command of the program: a name, a table of options, and what it does. One file each in cli/commands.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "genrec/options.h"
#include "tensor/device.h"
#include "tensor/precision.h"

namespace cli {

inline constexpr const char* kCommonGroup = "Common options";

// The options that every command has. Library option structs do not declare them again.
struct Common {
  int64_t seed = 1;  // no uint64_t: the TOML of a run could not hold it
  int threads = 0;
  std::string device = "auto";
  std::string isa = "auto";
  std::string memory_limit = "0";
  bool json = false;
  bool quiet = false;
  std::string config;
  bool dump_config = false;
};

class Command {
 public:
  // `name` has one or two words: "train", "ids report".
  Command(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  genrec::OptionTable& options() { return options_; }
  const genrec::OptionTable& options() const { return options_; }
  const Common& common() const { return common_; }

  // Does the work and returns the exit code; 0 unless the result itself is a "no", as with a failed self-test.
  virtual int run() = 0;

  // Whether it looks for interrupted() and saves what can be resumed; other commands end at once.
  virtual bool saves_when_stopped() const { return false; }

 protected:
  // --precision, for commands that compute with models.
  void add_precision(tensor::Precision& field);

  // Called at the end of a constructor: the command's own options come first in the help. `json`: the command has a result.
  void add_common(bool json);

 private:
  std::string name_, summary_;
  Common common_;
  genrec::OptionTable options_;
};

using Commands = std::vector<std::unique_ptr<Command>>;

// Bytes of "512M", "4G", "1.5G", "1000000"; "0" is no limit. K, M, G, T are powers of 1024. `shown` opens the error message.
int64_t parse_bytes(const std::string& text, const std::string& shown);

// Applies threads, instruction set and memory limit to the engine.
void apply_common(const Common& common);

// The device that --device stands for. "auto" falls back to the processor; "cuda" that cannot be had is Error(resources).
// It becomes the default device.
tensor::Device choose_device(const Common& common);

// What was chosen and, for "auto", what a GPU would have needed: "device: cpu, avx512, 2 threads; no CUDA: ...". The precision
// is told where it is not fp32: "device: cpu, avx512+amx, bf16, 2 threads".
std::string device_line(const Common& common);

}  // namespace cli
