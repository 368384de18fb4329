#include "cli/command.h"

#include <charconv>
#include <cmath>

#include "tensor/allocator.h"
#include "tensor/cuda/device.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace cli {

void Command::add_precision(tensor::Precision& field) {
  options_.add("precision", field, "Inputs of the models' matrix products: fp32, or rounded to bf16; everything else stays fp32",
               {{"fp32", tensor::Precision::fp32}, {"bf16", tensor::Precision::bf16}});
}

void Command::add_common(bool json) {
  options_.group(kCommonGroup);
  options_.add("seed", common_.seed, "Seed of every random number; same seed, same bits").range(0, genrec::kLargestInteger);
  options_.add("threads", common_.threads, "Processor threads; 0: one per available processor. Results do not depend on it")
      .range(0, 1024);
  options_.add("device", common_.device, "Where to compute").choices({"auto", "cpu", "cuda"});
  options_.add("isa", common_.isa, "Instruction set of the processor kernels").choices({"auto", "generic", "avx2", "avx512", "amx"});
  options_.add("memory-limit", common_.memory_limit, "Most memory that tensors may take, as 512M or 4G; 0: no limit")
      .value_name("BYTES");
  if (json) options_.add("json", common_.json, "Print the result as JSON");
  options_.add("quiet", common_.quiet, "No progress on stderr");
  options_.add("config", common_.config, "TOML file with options, a section per command; the command line wins")
      .value_name("FILE");
  options_.add("dump-config", common_.dump_config, "Print the resolved options as TOML and do nothing else");
}

int64_t parse_bytes(const std::string& text, const std::string& shown) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  double unit = 1;
  const std::string suffix(stopped, end);
  if (suffix == "K") unit = 1024;
  if (suffix == "M") unit = 1024 * 1024;
  if (suffix == "G") unit = 1024.0 * 1024 * 1024;
  if (suffix == "T") unit = 1024.0 * 1024 * 1024 * 1024;
  const bool good = error == std::errc() && (suffix.empty() || unit != 1) && value >= 0 && value * unit < 9e18;
  tensor::require(good, shown, ": '", text, "' is not an amount of memory; give a number of bytes, or one with K, M, G or T");
  return static_cast<int64_t>(std::llround(value * unit));
}

void apply_common(const Common& common) {
  tensor::set_memory_limit(parse_bytes(common.memory_limit, "--memory-limit"));
  tensor::set_threads(common.threads);
  tensor::set_isa(common.isa);
}

tensor::Device choose_device(const Common& common) {
  tensor::Device device = tensor::Device::cpu;
  if (common.device != "cpu") {
    const std::string missing = tensor::cuda::open();
    tensor::require(tensor::Fault::resources, missing.empty() || common.device != "cuda", "--device cuda: ", missing,
                    "; use --device cpu");
    if (missing.empty()) device = tensor::Device::cuda;
  }
  tensor::set_default_device(device);
  return device;
}

std::string device_line(const Common& common) {
  const bool amx = tensor::isa() == tensor::Isa::amx, rounded = tensor::precision() == tensor::Precision::bf16;
  const std::string cpu = tensor::join(amx ? "avx512+" : "", tensor::name_of(tensor::isa()), rounded ? ", bf16, " : ", ",
                                       tensor::threads(), " threads");
  if (tensor::default_device() == tensor::Device::cuda) return "device: cuda, " + tensor::cuda::description() + "; cpu, " + cpu;
  return "device: cpu, " + cpu + (common.device == "auto" ? "; no CUDA: " + tensor::cuda::open() : "");
}

}  // namespace cli
