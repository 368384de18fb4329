#include "autograd/device_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "tensor/precision.h"

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
    {"gru", 3e-5},              // a chain of tokens
    {"layer_norm", 3e-5},       // differences of like numbers
    {"rms_norm", 3e-5},
    {"dropout_add_layer_norm", 3e-5},
    {"dropout_add_rms_norm", 3e-5},
};

constexpr double kProductLimit = 1e-5;    // of products of numbers that are bf16 already: sums in another order
constexpr double kInnerLimit = 5e-2;  // where products are made of others (attention of probabilities and of the gradients of scores):
                                      // these are rounded, by up to 2^-9 each; in small samples what is left of sums can be small
constexpr const char* kProducts[] = {"linear", "linear_relu_dropout", "matmul", "batched_matmul"};
constexpr const char* kWithInner[] = {"attention", "feed_forward", "joined_projections"};

bool is_among(std::string_view operation, std::span<const char* const> names) {
  return std::find(names.begin(), names.end(), operation) != names.end();
}

double precision_limit(std::string_view operation) {
  if (is_among(operation, kWithInner)) return kInnerLimit;
  return is_among(operation, kProducts) ? kProductLimit : 0;
}

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

// Numbers that bf16 holds.
Tensor as_bf16(Tensor x) {
  for (float& value : x.span<float>()) value = tensor::round_bf16(value);
  return x;
}

// What a kernel rounded to bf16 must be what it wrote.
Tensor with_rounded_checked(const std::string& name, const Tensor& x) {
  if (!x.rounded().defined()) return x;
  const std::vector<float> values = x.to_vector<float>();
  const Tensor rounded = x.rounded().to(Device::cpu);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = rounded.span<tensor::bf16>()[i].bits, wanted = tensor::bf16_bits(values[i]);
    tensor::check(bits == wanted, name, ": element ", i, " of ", x.shape(), " is ", values[i], ", in bf16 ",
                  tensor::bf16_value(bits));
  }
  return x;
}

// Value and gradients of a sample in f32 on a device; a cotangent comes from the sample's own stream. `rounded`: all of them are
// bf16 numbers.
std::vector<Tensor> run_sample(const std::string& name, const Sample& sample, uint64_t seed, Device device,
                               bool rounded = false) {
  const auto used = [&](const Tensor& x) {
    const Tensor narrow = x.to(DType::f32);
    return (rounded ? as_bf16(narrow.clone()) : narrow).to(device);
  };
  Inputs parameters;
  for (const Tensor& x : sample.inputs) parameters.push_back(Var::parameter(used(x)));
  Tape tape;
  const Var y = sample.run(parameters);
  tensor::Generator rng(seed, "cotangent/" + name);
  std::vector<Tensor> results{with_rounded_checked(name, y.value())};
  tape.backward(y, used(random_tensor(y.shape(), rng)));
  for (const Var& x : parameters)
    results.push_back(x.grad().defined() ? with_rounded_checked(name, x.grad()) : Tensor::zeros(x.shape()));
  return results;
}

}  // namespace

double device_limit(const std::string& operation) {
  if (tensor::precision() == tensor::Precision::bf16 && is_among(operation, kWithInner)) return kInnerLimit;
  for (const Limit& entry : kLimits)
    if (operation == entry.operation) return entry.limit;
  return kLimit;
}

void compare_results(const std::string& name, double limit, const std::function<Results()>& first,
                     const std::function<Results()>& second, DeviceReport& report) {
  ++report.cases;
  try {
    const Results cpu = on_host(first()), cuda = on_host(second()), again = on_host(second());
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

void compare_devices(const std::string& name, double limit, const std::function<Results(Device)>& run, DeviceReport& report) {
  compare_results(name, limit, [&] { return run(Device::cpu); }, [&] { return run(Device::cuda); }, report);
}

// compare(operation, name, sample) for the samples of the operations whose names contain `filter`, and for the larger ones.
template <class F>
static DeviceReport compare_all(const std::string& filter, uint64_t seed, F&& compare) {
  DeviceReport report;
  const auto matches = [&](std::string_view name) { return name.find(filter) != std::string_view::npos; };
  for (const Op* op : all_ops()) {
    if (!matches(op->name())) continue;
    tensor::Generator rng(seed, op->name());
    const std::vector<Sample> samples = op->samples(rng);
    for (size_t s = 0; s < samples.size(); ++s) {
      compare(op->name(), tensor::join(op->name(), " sample ", s), samples[s], report);
    }
  }
  tensor::Generator rng(seed, "large samples");
  int index = 0;
  for (const auto& [operation, sample] : large_samples(rng)) {
    ++index;
    if (matches(operation)) compare(operation, tensor::join(operation, " large sample ", index), sample, report);
  }
  if (report.cases == 0) report.failures.push_back(tensor::join("no operation matches '", filter, "'"));
  return report;
}

DeviceReport compare_operations(const std::string& filter, uint64_t seed) {
  return compare_all(filter, seed, [&](const std::string& operation, const std::string& name, const Sample& sample,
                                       DeviceReport& report) {
    compare_devices(
        name, device_limit(operation), [&](Device device) { return run_sample(name, sample, seed, device); }, report);
  });
}

DeviceReport compare_precisions(const std::string& filter, uint64_t seed) {
  return compare_all(filter, seed, [&](const std::string& operation, const std::string& name, const Sample& sample,
                                       DeviceReport& report) {
    const auto run = [&](tensor::Precision precision) {
      const tensor::PrecisionScope scope(precision);
      return run_sample(name, sample, seed, Device::cpu, /*rounded=*/true);
    };
    compare_results(
        name, precision_limit(operation), [&] { return run(tensor::Precision::fp32); },
        [&] { return run(tensor::Precision::bf16); }, report);
  });
}

}  // namespace autograd
