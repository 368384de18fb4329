#include "autograd/device_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace autograd {

namespace {

using tensor::Device;

constexpr double kLimit = 1e-5;  // of most operations: some roundings, and exponentials of two libraries

struct Limit {
  const char* operation;
  double limit;
};
constexpr Limit kLimits[] = {
    {"dropout", 0},             // the same random bits, one product, one sum
    {"attention", 3e-5},        // sums over keys behind exponentials
    {"relation_attention", 3e-5},
    {"gru", 3e-5},              // a chain of tokens
    {"layer_norm", 3e-5},       // differences of like numbers
    {"rms_norm", 3e-5},
};

// The largest difference, relative to the largest value of a. Infinite where one of them is not finite.
double difference(const Tensor& a, const Tensor& b) {
  double worst = 0, scale = 0;
  tensor::for_real(a.dtype(), "compare", [&](auto zero) {
    const auto x = a.span<decltype(zero)>(), y = b.span<decltype(zero)>();
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = std::fabs(double{x[i]} - double{y[i]});
      worst = std::isfinite(error) ? std::max(worst, error) : INFINITY;
      scale = std::max(scale, std::fabs(double{x[i]}));
    }
  });
  return worst == 0 ? 0 : worst / std::max(scale, 1e-30);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

std::vector<Tensor> on_host(const std::vector<Tensor>& results) {
  std::vector<Tensor> host;
  for (const Tensor& result : results) host.push_back(result.to(Device::cpu));
  return host;
}

// Value and gradients of a sample in f32 on a device; a cotangent comes from the sample's own stream.
std::vector<Tensor> run_sample(const std::string& name, const Sample& sample, uint64_t seed, Device device) {
  Inputs parameters;
  for (const Tensor& x : sample.inputs) parameters.push_back(Var::parameter(x.to(DType::f32).to(device)));
  Tape tape;
  const Var y = sample.run(parameters);
  tensor::Generator rng(seed, "cotangent/" + name);
  std::vector<Tensor> results{y.value()};
  tape.backward(y, random_tensor(y.shape(), rng).to(DType::f32).to(device));
  for (const Var& x : parameters) results.push_back(x.grad().defined() ? x.grad() : Tensor::zeros(x.shape()));
  return results;
}

void compare_sample(const std::string& operation, const std::string& name, const Sample& sample, uint64_t seed,
                    DeviceReport& report) {
  compare_devices(
      name, device_limit(operation), [&](Device device) { return run_sample(name, sample, seed, device); }, report);
}

}  // namespace

double device_limit(const std::string& operation) {
  for (const Limit& entry : kLimits)
    if (operation == entry.operation) return entry.limit;
  return kLimit;
}

void compare_devices(const std::string& name, double limit, const std::function<std::vector<Tensor>(Device)>& run,
                     DeviceReport& report) {
  ++report.cases;
  try {
    const std::vector<Tensor> cpu = on_host(run(Device::cpu)), cuda = on_host(run(Device::cuda)),
                              again = on_host(run(Device::cuda));
    tensor::check(cpu.size() == cuda.size() && cpu.size() == again.size(), name, ": ", cpu.size(), " and ", cuda.size(),
                  " results");
    for (size_t i = 0; i < cpu.size(); ++i) {
      tensor::check(cpu[i].shape() == cuda[i].shape() && cpu[i].dtype() == cuda[i].dtype(), name, ": result ", i, " is ",
                    cpu[i].shape(), " and ", cuda[i].shape());
      report.values += cpu[i].size();
      if (!same_bits(cuda[i], again[i]))
        report.failures.push_back(tensor::join(name, ": result ", i, " differs from run to run"));
      const bool real = cpu[i].dtype() == DType::f32 || cpu[i].dtype() == DType::f64;
      const double error = real ? difference(cpu[i], cuda[i]) : same_bits(cpu[i], cuda[i]) ? 0 : INFINITY;
      const double relative = limit > 0 ? error / limit : error > 0 ? INFINITY : 0;
      report.largest_error = std::max(report.largest_error, relative);
      if (!(relative <= 1)) {
        report.failures.push_back(tensor::join(name, ": result ", i, " ", cpu[i].shape(), " differs by ", error,
                                               " of its largest value, the limit is ", limit));
      }
    }
  } catch (const tensor::Error& error) {
    report.failures.push_back(name + ": " + error.what());
  }
}

DeviceReport compare_operations(const std::string& filter, uint64_t seed) {
  DeviceReport report;
  const auto matches = [&](std::string_view name) { return name.find(filter) != std::string_view::npos; };
  for (const Op* op : all_ops()) {
    if (!matches(op->name())) continue;
    tensor::Generator rng(seed, op->name());
    const std::vector<Sample> samples = op->samples(rng);
    for (size_t s = 0; s < samples.size(); ++s) {
      compare_sample(op->name(), tensor::join(op->name(), " sample ", s), samples[s], seed, report);
    }
  }
  tensor::Generator rng(seed, "large samples");
  int index = 0;
  for (const auto& [operation, sample] : large_samples(rng)) {
    ++index;
    if (matches(operation))
      compare_sample(operation, tensor::join(operation, " large sample ", index), sample, seed, report);
  }
  if (report.cases == 0) report.failures.push_back(tensor::join("no operation matches '", filter, "'"));
  return report;
}

}  // namespace autograd
